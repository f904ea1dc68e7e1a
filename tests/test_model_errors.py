"""The errors of an endpoint in one line, and the keys that never appear in them."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from codeact_magic.agent import Request
from codeact_magic.errors import EndpointError
from codeact_magic.model import (
    Settings,
    public_url,
)
from codeact_magic.testing import FakeEndpoint, Hang, Raw, Say, Scripted, Status

from .asking import (
    ASK,
    EVERYTHING,
    KEY,
    Shown,
    ask,
    event,
    line_after,
    line_of,
    model_of,
    one_line_of,
    reply_to,
    server,
    settings_of,
)
from .asking import nothing_remains as nothing_remains

# Keys


def test_an_empty_key_is_not_sent() -> None:
    with FakeEndpoint(["Yes."]) as fake:
        assert ask(model_of(fake))[0].text == "Yes."
        assert model_of(fake).models() == ["fake-model"]
    assert ["authorization" in request.headers for request in fake.requests] == [False, False]


def test_a_key_is_sent_without_the_spaces_around_it() -> None:
    with FakeEndpoint(["Yes."], api_key=KEY) as fake:
        assert ask(model_of(fake, key=f"{KEY}\n"))[0].text == "Yes."


@pytest.mark.parametrize("key", ["sk-two\nlines", "sk-żółw"])
def test_a_key_that_cannot_be_sent_is_an_error(key: str) -> None:
    line = line_after("Yes.", key=key, key_name="MY_KEY")
    assert "MY_KEY" in line
    assert key not in line and key.split()[-1] not in line


@pytest.mark.parametrize("status", [401, 403])
def test_the_error_about_a_refused_key_names_its_variable(status: int) -> None:
    line = line_after(Status(status, "no such key"), key=KEY, key_name="MY_KEY")
    assert f"refused the key in MY_KEY ({status}: no such key)" in line
    assert "api_key_env" in line


def test_the_error_about_a_missing_key_names_its_variable() -> None:
    with FakeEndpoint(api_key=KEY) as fake:
        line = line_of(model_of(fake, key_name="MY_KEY"))
    assert "wants a key: MY_KEY has none" in line
    with FakeEndpoint(api_key=KEY) as fake:
        assert "wants a key (401" in line_of(model_of(fake, key_name=""))


@pytest.mark.parametrize(
    "echo",
    [
        Status(401, f"Incorrect API key provided: {KEY}."),
        Status(401, f"Incorrect API key provided: {KEY[:8]}*****{KEY[-4:]}."),
        Status(400, body={"error": {"message": "bad", "headers": {"authorization": f"Bearer {KEY}"}}}),
        Status(400, body={"detail": {"authorization": f"Bearer {KEY}"}}),
        Status(404, f"no {KEY} here"),
        Status(500, f"{KEY} crashed"),
        Status(400, f"{'x' * 220} {KEY}"),
        Status(400, f"maximum context length of {KEY}"),
        Status(302, headers=(("Location", f"https://user:{KEY}@elsewhere.example/v1"),)),
        Raw(KEY.encode()),
        Raw(f'data: {{"error": {{"message": "{KEY}"}}}}\n\n'.encode()),
        Raw(f"data: {KEY}\n\n".encode()),
        Raw(f"<html>{KEY}</html>".encode(), status=403),
    ],
)
def test_a_key_never_appears_in_an_error(echo: Scripted) -> None:
    shown = Shown()
    with FakeEndpoint(default=echo) as fake, pytest.raises(EndpointError) as caught:
        model_of(fake, key=KEY, retries=1).reply(Request(ASK), shown.append)
    for text in [one_line_of(caught.value), repr(caught.value), *shown.notes]:
        assert KEY not in text
        assert KEY[:8] not in text and KEY[-4:] not in text


def test_a_key_with_spaces_around_it_never_appears_in_an_error() -> None:
    assert "no such key: ***)" in line_after(Status(401, f"no such key: {KEY}"), key=f" {KEY}\n")


def test_a_password_in_the_address_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with FakeEndpoint(["Yes."]) as fake:
        ask(model_of(fake.base_url.replace("://", "://me:secret@")))
    assert "/v1/chat/completions" in caplog.text
    assert "secret" not in caplog.text


def test_a_user_and_a_password_in_the_address_are_sent_and_not_shown() -> None:
    with FakeEndpoint(["Yes.", Status(401, "wrong: p@ss/wörd, or p%40ss%2Fw%C3%B6rd")]) as fake:
        url = fake.base_url.replace("://", "://me:p%40ss%2Fw%C3%B6rd@")
        model = model_of(url, key=KEY)
        assert ask(model)[0].text == "Yes."
        assert fake.requests[0].headers["authorization"] == "Basic bWU6cEBzcy93w7ZyZA=="
        line = line_of(model)
        shown = f"{line} {model.endpoint} {model.settings!r}"
    assert "refused the user and the password in its address" in line
    assert model.endpoint == fake.base_url
    for secret in ("me:", "p@ss", "p%40ss", KEY):
        assert secret not in shown


def test_settings_do_not_show_their_secrets() -> None:
    assert repr(Settings("https://me:secret@host/v1?key=hidden", "m", key=KEY)) == "Settings('https://host/v1', 'm')"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/v1/", "https://host/v1"),
        ("https://host:8000/v1?key=secret#secret", "https://host:8000/v1"),
        ("https://me:secret@host/v1", "https://host/v1"),
        ("https://me@secret@host/v1", "https://host/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("localhost:8000/v1?key=secret", "localhost:8000/v1"),
        ("me:secret@host/v1", "(an address that cannot be read)"),
        ("https://me:secret/with#slash@host/v1", "(an address that cannot be read)"),
        ("https://me:12/secret@host/v1", "(an address that cannot be read)"),
        ("http://me:secret@[::1/v1", "(an address that cannot be read)"),
    ],
)
def test_an_address_is_shown_without_credentials(url: str, shown: str) -> None:
    assert public_url(url) == shown


def test_a_query_in_the_address_is_sent() -> None:
    with FakeEndpoint(["Yes."]) as fake:
        ask(model_of(f"{fake.base_url}?api-version=2024-02-01"))
    assert fake.requests[0].path == "/v1/chat/completions?api-version=2024-02-01"


def test_equal_settings_share_a_model_and_others_do_not() -> None:
    settings = settings_of("http://host/v1", key="a")
    assert {settings: 1}[settings_of("http://host/v1", key="a")] == 1
    others: list[dict[str, Any]] = [
        {"key": "b"},
        {"model": "m"},
        {"temperature": None},
        {"max_tokens": 1},
        {"timeout": 1.0},
        {"retries": 0},
    ]
    assert len({settings_of("http://host/v1", **{"key": "a", **other}) for other in [{}, *others]}) == 7


# Errors in one line


def test_the_error_about_an_unknown_model_names_the_nearest() -> None:
    models = ["qwen-coder-7b", "llama-3", "qwen-coder-1.5b", "gpt-x"]
    with FakeEndpoint(models=models, strict_models=True) as fake:
        line = line_of(model_of(fake, model="qwen-coder"))
        assert len(fake.requests) == 2
    assert "has no model 'qwen-coder'" in line
    assert "qwen-coder-7b, qwen-coder-1.5b" in line
    assert "%codeact models" in line


def test_the_error_about_an_unknown_model_says_if_there_are_none() -> None:
    with FakeEndpoint(models=(), strict_models=True) as fake:
        assert "none at all" in line_of(model_of(fake))


def test_a_404_about_a_model_that_exists_quotes_the_endpoint() -> None:
    assert "404: still loading" in line_after(Status(404, "still loading"))


@pytest.mark.parametrize("path", ["", "/v2", "/v1/chat/completions"])
def test_the_error_about_a_wrong_path_names_the_usual_one(path: str) -> None:
    with FakeEndpoint() as fake:
        line = line_of(model_of(fake.base_url.removesuffix("/v1") + path))
    assert "There is no chat completion endpoint at" in line
    assert "end in /v1" in line


TOO_LONG = [
    Status(400, "This model's maximum context length is 8192 tokens.", error_code="context_length_exceeded"),
    Status(400, "Your input exceeds the context window of this model.", param="input"),
    Status(
        400, "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens in the messages."
    ),
    Status(400, "The decoder prompt (length 9000) is longer than the maximum model length of 4096."),
    Status(
        400, "'max_tokens' is too large: 5000. This model's maximum context length is 4096 tokens", param="max_tokens"
    ),
    Status(400, body={"error": {"code": 400, "message": "too much", "type": "exceed_context_size_error"}}),
    Status(400, "the request exceeds the available context size, try increasing it"),
    Status(500, "the request exceeds the available context size. try increasing the context size"),
    Status(400, "prompt is too long: 210000 tokens > 200000 maximum"),
    Status(400, "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."),
    Status(422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 9000"),
    Status(413, "Request Entity Too Large"),
    Status(400, body={"code": "invalid", "error": "This model's maximum prompt length is 131072 but the request has"}),
    Status(400, body={"message": "Input is too long for requested model."}),
    Status(400, "Invalid request: Your request exceeded model token limit: 262144 (requested: 300000)"),
    Status(400, "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]"),
    Status(422, body={"error": "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000"}),
    Status(400, body={"error": "Trying to keep the first 4532 tokens when context the overflows."}),
    Status(
        400, body=[{"error": {"message": "the input token count is 1048700 but model only supports up to 1048576"}}]
    ),
    Status(
        400, body={"code": 20015, "message": "length of prompt_tokens (40000) must be less than max_seq_len (32768)."}
    ),
    Status(400, "The sum of prompt length (5000.0), query length (0) should not exceed max_num_tokens (4096)"),
    Status(400, "Prompt exceeds max length", error_code="1261"),
    Status(400, "Please reduce the length of the messages or completion. Current length is 9999 while limit is 8192"),
    Status(
        400, "prompt token count of 70000 exceeds the limit of 64000", error_code="model_max_prompt_tokens_exceeded"
    ),
    Status(400, "Input length 9000 exceeds the maximum allowed input length of 8000 tokens."),
    Status(400, "prompt too long; exceeded max context length by 4 tokens"),
    Status(400, "invalid params, context window exceeds limit (2013)"),
    Status(
        400, "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length"
    ),
    Status(400, "Request body too large for gpt-x model. Max size: 8000 tokens.", error_code="tokens_limit_reached"),
    Status(400, "too many tokens: total number of tokens in the prompt cannot exceed 4081"),
    Status(400, "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000"),
    Raw(b'{"error": {"message": "x", "code": "context_length_exceeded"}}', content_type="application/json"),
    Raw(b'data: {"error": {"code": 400, "message": "x", "type": "exceed_context_size_error"}}\n\n'),
    Raw(b'error: {"code": 500, "message": "the request exceeds the available context size"}\n\n'),
]


@pytest.mark.parametrize("refusal", TOO_LONG)
def test_a_conversation_that_is_too_long_is_an_error(refusal: Scripted) -> None:
    with FakeEndpoint([refusal]) as fake:
        line = line_of(model_of(fake, max_tokens=99), **EVERYTHING)
        assert len(fake.requests) == 1
    assert "too long for fake-model" in line
    assert "--new" in line and "context_tokens" in line


def test_a_host_that_does_not_exist_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: Any, *args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    shown = Shown()
    with pytest.raises(EndpointError, match=r"There is no host at http://nowhere\.example/v1") as caught:
        model_of("http://nowhere.example/v1").reply(Request(ASK), shown.append)
    assert "--base-url" in one_line_of(caught.value)
    assert shown.notes == []


def test_https_to_a_server_that_speaks_http_is_an_error() -> None:
    with FakeEndpoint() as fake:
        line = line_of(model_of(fake.base_url.replace("http://", "https://")))
        assert fake.connections == 1
    assert "does not speak TLS" in line and "http rather than https" in line


def test_a_server_of_another_protocol_is_an_error() -> None:
    with server(b"220 mail.example ESMTP\r\n\r\n") as url:
        line = line_of(model_of(url))
    assert "not in HTTP" in line and "https rather than http" in line


@pytest.mark.parametrize(
    "url", ["localhost:8000/v1", "ftp://host/v1", "http://", "http:///v1", "http://host:99999/v1", "http://[::1/v1", ""]
)
def test_a_text_that_is_not_an_address_is_an_error(url: str) -> None:
    assert "begins with http:// or https://" in line_of(model_of(url))


@pytest.mark.parametrize("url", ["http://a b/v1", "http://a..b/v1", "http://\u2024/v1", "http://" + "a" * 70 + "/v1"])
def test_an_impossible_host_is_an_error(url: str) -> None:
    line = line_of(model_of(url, retries=0))
    assert "cannot be called" in line or "no host" in line


def test_an_impossible_proxy_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://proxy")
    line = line_of(model_of("http://127.0.0.1:1/v1"))
    assert "cannot be called" in line and "HTTP_PROXY" in line


HTML = b"<!doctype html><html><head><style>p {}</style><title>Welcome</title></head>\n<body><p>Hello</p></body></html>"


@pytest.mark.parametrize(
    ("answer", "quoted"),
    [
        (Raw(HTML, content_type="text/html"), "Welcome Hello"),
        (Raw(b'{"status": "ok"}', content_type="application/json"), '{"status": "ok"}'),
        (Raw(b'{\n  "choices": [{"message": {"content": "x"}}]\n', content_type="application/json"), "choices"),
        (Raw(b'data: {"choices": [{"delta"\n\n'), '{"choices": [{"delta"'),
        (Raw(b"data: hello\n\n"), "hello"),
        (Raw(b'data: {"status": "ok"}\n\n'), "status"),
        (Raw(b"data: [1]\n\n"), "[1]"),
        (Raw(b"\x00\x01\x02\x1b[31m" * 100, content_type="application/octet-stream"), "⟦U+0001⟧"),
        (Raw(event({"content": "caf\u00e9"}).replace(b"caf\\u00e9", b"caf\xe9")), "caf�"),
        (Raw(event({"content": 42})), "42"),
        (Raw(event("hello")), "hello"),
        (Raw(b'data: {"choices": [7]}\n\n'), "7"),
        (Raw(b'data: {"choices": {"a": 1}}\n\n'), "a"),
        (Raw(b'data: {"choices": [], "usage": {"prompt_tokens": 1e999}}\n\n'), "Infinity"),
        (Raw(b"data: " + b"[" * 100_000 + b"\n\n"), "[["),
    ],
)
def test_an_answer_that_is_not_a_chat_completion_is_an_error_that_quotes_it(answer: Raw, quoted: str) -> None:
    with FakeEndpoint([answer]) as fake:
        line = line_of(model_of(fake))
        assert len(fake.requests) == 1
    assert "not a chat completion" in line and quoted in line
    assert "OpenAI-compatible" in line


@pytest.mark.parametrize("silence", [Hang(), Hang(headers=True), Hang(after=3)])
@pytest.mark.slow
def test_a_silent_endpoint_is_an_error(silence: Hang) -> None:
    with FakeEndpoint([silence, "Yes."]) as fake:
        model = model_of(fake, timeout=0.2)
        line = line_of(model)
        fake.wait_for_disconnects(1)
        assert "silent for 0.2 s" in line and "CodeAct.timeout" in line
        assert len(fake.requests) == 1
        assert ask(model)[0].text == "Yes."


def test_an_endpoint_that_is_slow_is_not_silent() -> None:
    reply, _ = reply_to(Say("x" * 40, delay=0.05), timeout=0.3)
    assert reply.text == "x" * 40
    assert reply.seconds > 0.3


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_names_the_new_address_and_is_not_followed(status: int) -> None:
    with FakeEndpoint(["Yes."]) as other:
        to = (("Location", f"{other.base_url}/chat/completions"),)
        line = line_after(Status(status, headers=to), key=KEY)
    assert f"has moved to {other.base_url}. Set the address: --base-url" in line
    assert other.requests == []


def test_a_redirect_may_be_relative_or_lead_nowhere_and_hold_a_secret() -> None:
    url = "https://me:secret@elsewhere.example/v1?token=secret"
    assert "moved to https://elsewhere.example/v1. " in line_after(Status(307, headers=(("Location", url),)))
    assert "127.0.0.1" in line_after(Status(307, headers=(("Location", "/v2/chat/completions"),)))
    assert "refused the request (304" in line_after(Raw(b"", status=304))
