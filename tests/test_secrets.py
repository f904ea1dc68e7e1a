"""Secrets: which variables and texts they are, which they are not, and how they are masked."""

from __future__ import annotations

import json
import uuid
from hashlib import md5, sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from codeact_magic.kernels.sent.environment import is_secret_name, secrets_here, secrets_in
from codeact_magic.secrets import Masker, Pieces, Secrets, found
from codeact_magic.session import Json

from .attack import snippets
from .attack.secrets import FORMS, VARIABLES

SEED = 7


# -- variables ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_that_holds_a_secret_is_told_by_its_name_or_its_address(name: str) -> None:
    value = VARIABLES[name]()
    password = value.partition("://")[2].partition("@")[0].partition(":")[2]
    assert secrets_in({name: value}).get(password or value) == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/usr/local/bin:/usr/bin"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_PROFILE", "research-2026"),
        ("GOOGLE_APPLICATION_CREDENTIALS", str(Path(__file__).absolute())),
        ("API_KEY_FILE", "/run/secrets/api-key"),
        ("OTHER_API_KEY", "disabled"),
        ("USE_TOKEN", "true"),
        ("MAX_TOKENS", "1000000000"),
        ("DATABASE_URL", "postgresql://127.0.0.1:5432/shop"),
        ("KEYBOARD_LAYOUT", "de-latin1-nodeadkeys"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-1/agent.1"),
        ("SECRET_COUNT", "123456789"),
    ],
)
def test_a_variable_that_is_only_about_secrets_holds_none(name: str, value: str) -> None:
    assert secrets_in({name: value}) == {}


def test_the_file_env_of_the_folder_is_read_anew_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "kept-in-a-file-1" not in secrets_here()
    Path(".env").write_text("# shop\nexport SHOP_TOKEN='kept-in-a-file-1'\nPORT=8080\nbroken\n")
    assert secrets_here()["kept-in-a-file-1"] == "SHOP_TOKEN"
    Path(".env").write_text("SHOP_TOKEN=kept-in-a-file-12 # new\n")
    assert "kept-in-a-file-12" in secrets_here()
    assert is_secret_name("SHOP_TOKEN")


# -- forms -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_has_the_form_of_a_secret_is_masked_however_it_is_split(name: str, size: int) -> None:
    secret = FORMS[name]()
    masker = Masker()
    pieces = Pieces(masker)
    text = f"before {secret}\nafter\n"
    shown = "".join(pieces.add(text[start : start + size]) for start in range(0, len(text), size))
    shown += pieces.add("", last=True)
    hidden = secret.partition("://")[2].partition("@")[0].partition(":")[2] or secret
    assert not [line for line in hidden.split("\n") if not line.startswith("-----") and line in shown]
    assert "***" in shown and shown.startswith("before ") and shown.endswith("after\n")
    assert masker.note


def _daily() -> list[str]:
    """Return texts as daily work prints them."""
    random = Random(SEED)
    some = [random.randbytes(30) for _ in range(200)]
    import base64

    return [
        *(sha256(one).hexdigest() for one in some),
        *(md5(one).hexdigest() for one in some),
        *(str(uuid.UUID(bytes=one[:16])) for one in some),
        *(base64.b64encode(random.randbytes(2000)).decode() for _ in range(200)),
        *(base64.urlsafe_b64encode(random.randbytes(2000)).decode() for _ in range(200)),
        "http://127.0.0.1:8888/lab?reset http://localhost:8080/a:b@c",
        "git@github.com:somebody/something.git",
        "postgresql://user:password@127.0.0.1/db",
        "https://me:***@127.0.0.1/",
        "2026-01-02T03:04:05+00:00 me@example.org: sk-learn, task_live_12, hf_hub, eyJhbGci",
        "-----  ------\n| a | b |\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "arn:aws:iam::123456789012:role/x AKIA",
        "v1.2.3-us12 sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    ]


def test_daily_data_and_daily_code_have_no_secrets() -> None:
    texts = _daily() + [one.code for one in snippets.own() if not one.has_effect]
    assert [(text[span.start : span.end], span.kind) for text in texts for span in found(text)] == []


# -- masks -------------------------------------------------------------------------------------------------------------


def test_a_prefix_that_no_secret_follows_is_shown_at_once_and_whole() -> None:
    pieces = Pieces(Masker(["known-secret"]))
    assert pieces.add("Progress: 10 %") == "Progress: 10 %"
    assert pieces.add(" a https") == " a https"
    assert pieces.add("://host") + pieces.add("/path\n") == "://host/path\n"


def test_an_image_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    token = FORMS["a token of a code host"]()
    masker = Masker()
    shown: Json = masker.all({"image/png": token, "text/plain": token, "a": [[token, 1], [token[:9], token[9:]]]})
    assert (shown["text/plain"], shown["a"][0], shown["a"][1]) == ("***", ["***", 1], ["***"])
    assert list(masker.masked.values()) == ["GitHub token"]


def test_the_set_only_grows_and_a_mask_can_be_lifted() -> None:
    secrets = Secrets()
    secrets.learn({"first-secret": "A_KEY"})
    secrets.learn({"other-secret": "A_KEY", "third'secret": "B_KEY", "third\\'secret": "B_KEY"})
    assert len(secrets.values()) == 4
    masker = Masker(secrets.values(), secrets.lifted())
    assert masker.text("first-secret third'secret") == "*** ***"
    secrets.note(masker.masked)
    assert sorted(secrets.listed()) == [("A_KEY", False), ("B_KEY", False)]
    name = secrets.lift(0)
    assert (name, True) in secrets.listed()
    for number in (-1, 5):
        with pytest.raises(IndexError):
            secrets.lift(number)


def test_what_only_looks_like_a_secret_is_shown_once_its_mask_is_lifted() -> None:
    secrets = Secrets()
    token = FORMS["a token of a code host"]()
    masker = Masker(secrets.values(), secrets.lifted())
    assert masker.text(token) == "***"
    secrets.note(masker.masked)
    assert secrets.values() == (token,)
    assert secrets.lift(0) == "GitHub token"
    assert Masker(secrets.values(), secrets.lifted()).text(token) == token


def test_deep_json_is_masked_as_a_whole() -> None:
    value: Any = json.loads('{"a": [{"b": "x y"}]}')
    assert Masker(["x y"]).all(value) == {"a": [{"b": "***"}]}
