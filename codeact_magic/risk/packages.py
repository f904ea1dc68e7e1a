"""Packages that are known to be harmless, or whose effects the other tables list; any other is a finding."""

from __future__ import annotations

import sys

from . import library, tables
from .namespace import USERS

_HARMLESS = library.words("""
    accelerate adjustText albumentations altair anndata arch arrow arviz ase astropy attr attrs autograd babel Bio
    biopython bitarray bitstring blosc bokeh boltons bottleneck bs4 cachetools catboost category_encoders chardet
    charset_normalizer ciso8601 cloudpickle cmocean colorama colorcet community construct control crcmod cudf cuml
    cupy cv2 cvxpy cycler cytoolz darts dask datasets datatable dateutil deap decorator dfply dill docutils duckdb
    editdistance einops eli5 emoji esda faker fastai filterpy fiona flax folium fontTools frozendict ftfy fuzzywuzzy
    gensim geopandas gmpy2 graph_tool great_tables h5py hdbscan healpy holidays holoviews humanize hvplot hypothesis
    ignite igraph imageio imblearn inflect IPython ipywidgets iso8601 janitor jax jaxlib jellyfish jinja2 jmespath
    joblib jsonschema keras kiwisolver kneed kornia lark leidenalg Levenshtein libpysal librosa lifelines lightgbm
    lightning lime lxml lz4 mapclassify markdown markupsafe matplotlib matplotlib_inline matplotlib_venn missingno
    mistune mlxtend mmh3 modin monai more_itertools mpl_toolkits mpmath msgpack narwhals nbformat netCDF4 networkx
    nltk node2vec numba numexpr numpy openpyxl optax optuna orjson ortools packaging palettable pandas pandas_flavor
    pandera patsy peft pendulum PIL pingouin pint plotly plotnine pluggy pmdarima polars prophet pulp pyarrow
    pyarrow_hotfix pycountry pydantic pydantic_core pydub pygments pymatgen pymc pyparsing pyproj pysal
    pytorch_lightning pytz pywt quantlib rapidfuzz rasterio rdkit regex rich scanpy scipy seaborn
    segmentation_models_pytorch sentence_transformers shap shapely simplejson simpy siuba six skimage sklearn skorch
    sktime snappy sortedcontainers soundfile spacy sqlparse squarify statsforecast statsmodels stumpy sunpy sympy
    tabulate tensorflow termcolor textblob thefuzz timm tokenizers toml tomli tomli_w tomlkit toolz torch torchaudio
    torchmetrics torchvision tqdm traitlets transformers tsfresh tslearn typing_extensions tzdata ujson umap
    uncertainties unidecode upsetplot vaex wordcloud workalendar wrapt xarray xgboost xlrd xlsxwriter xmltodict
    xxhash yaml ydata_profiling yellowbrick yt zarr zoneinfo zstandard
    """)


def package(dotted: str) -> str:
    """Return the package that a dotted name is in."""
    return dotted.partition(".")[0]


def is_familiar(dotted: str) -> bool:
    """Return whether the effects of the package of `dotted` are known, or that it has none."""
    top = package(dotted)
    return dotted.startswith(USERS) or top in _HARMLESS or top in sys.stdlib_module_names or top in _LISTED


_LISTED = frozenset(
    package(dotted)
    for table in (library.MODULES, library.FUNCTIONS, library.OBJECTS, tables.OPENERS, tables.DUMPS, tables.DATABASES)
    for dotted in table
) | {"builtins", "__main__", "unittest", "codeact_magic"}
