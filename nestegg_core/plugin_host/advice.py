"""How a distribution is installed: the one place that says so."""

FIRST_PARTY = (
    "errors_sentry",
    "idp_cognito",
    "idp_google",
    "idp_keycloak",
    "idp_okta",
    "import_camt",
    "import_excel",
    "import_mt940",
    "import_ofx",
    "import_qif",
    "storage_postgres",
)
"""The plugins of this project that the settings can name; each is a `nestegg-...` distribution."""

_OURS = {f"nestegg-{name.replace('_', '-')}": name for name in FIRST_PARTY}


def install(distribution: str, option: str = "") -> str:
    """Say how a distribution is installed, or installed anew with one of pip's options.

    None of ours is published: whoever took its name on a package index would own every reader. So a
    file is named and never a name that pip would look up.

    Example:
        >>> install("acme-nestegg", "--upgrade")
        '`pip install --upgrade acme-nestegg`'
        >>> install("nestegg-core").partition(" in ")[0]
        '`make wheels && pip install --find-links dist dist/nestegg_core-*.whl`'
    """
    words = f"pip install {option} ".replace("  ", " ")
    if distribution not in _OURS and distribution != "nestegg-core":
        return f"`{words}{distribution}`"
    file = f"dist/{distribution.replace('-', '_')}-*.whl"
    told = f"`make wheels && {words}--find-links dist {file}` in the project's folder"
    plugin = _OURS.get(distribution)
    if plugin is None:
        return told
    return f"{told}; with compose name {plugin} in NESTEGG_PLUGINS, and build the image"
