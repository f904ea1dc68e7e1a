"""Packages that are known to be harmless, or whose effects the other tables list; any other is a finding."""

from __future__ import annotations

import sys

from . import tables
from .namespace import USERS

_HARMLESS = tables.words("""
    numpy pandas scipy sklearn matplotlib mpl_toolkits seaborn plotly altair bokeh holoviews hvplot statsmodels sympy
    networkx torch torchvision torchaudio tensorflow keras jax jaxlib flax optax xgboost lightgbm catboost polars
    pyarrow dask numba PIL skimage cv2 imageio tqdm rich tabulate yaml dateutil pytz tzdata pydantic pydantic_core attr
    attrs jinja2 markupsafe bs4 lxml openpyxl xlrd xlsxwriter nltk spacy gensim transformers tokenizers datasets shap umap
    hdbscan ipywidgets IPython traitlets xarray netCDF4 h5py zarr geopandas shapely pyproj fiona rasterio folium
    pymc arviz cvxpy pulp ortools simpy patsy pingouin lifelines prophet autograd einops joblib cloudpickle dill
    toolz cytoolz more_itertools boltons sortedcontainers frozendict regex ftfy unidecode chardet charset_normalizer
    emoji wordcloud squarify missingno ydata_profiling great_tables plotnine pyparsing lark mpmath gmpy2 bitarray
    cycler kiwisolver fontTools colorama termcolor humanize pendulum arrow ciso8601 iso8601 babel inflect textblob
    rapidfuzz Levenshtein jellyfish fuzzywuzzy thefuzz editdistance duckdb sqlparse jmespath jsonschema orjson ujson
    simplejson msgpack toml tomli tomli_w tomlkit xmltodict markdown mistune docutils pygments packaging typing_extensions
    six decorator wrapt cachetools hypothesis faker imblearn category_encoders optuna deap pywt librosa soundfile
    pydub biopython Bio rdkit ase pymatgen astropy sunpy healpy yt pint uncertainties control filterpy quantlib
    nbformat igraph community graph_tool leidenalg node2vec sentence_transformers accelerate peft timm
    torchmetrics lightning pytorch_lightning fastai skorch ignite monai kornia albumentations segmentation_models_pytorch
    kneed yellowbrick eli5 lime mlxtend tslearn sktime pmdarima arch stumpy tsfresh darts statsforecast
    numexpr bottleneck blosc lz4 zstandard snappy bitstring construct crcmod xxhash mmh3 pluggy
    matplotlib_inline matplotlib_venn adjustText cmocean palettable colorcet upsetplot pycountry holidays workalendar
    zoneinfo pyarrow_hotfix narwhals anndata scanpy pysal libpysal esda mapclassify pandera
    pandas_flavor janitor siuba dfply modin vaex datatable cudf cupy cuml
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
    for table in (tables.MODULES, tables.FUNCTIONS, tables.OBJECTS, tables.OPENERS, tables.DUMPS, tables.DATABASES)
    for dotted in table
) | {"builtins", "__main__", "unittest", "codeact_magic"}
