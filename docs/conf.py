"""The site of the documentation, which `make docs` builds."""

import importlib
import inspect
import os
import re
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")  # the examples print what a CPU computes

HERE = Path(__file__).parent
project = "c3jax"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.doctest"]
exclude_patterns = ["results"]
html_theme = "furo"
html_title = "c3jax"
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
highlight_language = "none"
default_role = "py:obj"
myst_heading_anchors = 3
doctest_global_setup = "import jax, jax.numpy as jnp, numpy as np"

# Where links lead to that are no files of this folder.
PAGES = {
    r"\.": "index.md",
    r"\.\./experiments/(\w+)/README\.md": r"\1.md",
    r"\.\./c3jax/shipped/\w+/README\.md": "shipped.md",
    r"results": "results/tables.toml",
}


def links(folder, text):
    """The text, its links counted from docs/ in place of `folder`; READMEs are pages here."""

    def from_here(found):
        target = os.path.relpath(folder / found[1], HERE)
        for pattern, page in PAGES.items():
            target = re.sub(f"^{pattern}$", page, target)
        return f"]({target}"

    return re.sub(r"\]\((?!https?:|#)([^)#]+)", from_here, text)


def public(found):
    """The public names of a module, file by file, each file behind its docstring."""
    module = importlib.import_module(found[1])
    names = getattr(module, "__all__", vars(module))
    named = [(name, getattr(module, name)) for name in names if not name.startswith("_")]
    own = [each for each in named if getattr(each[1], "__module__", "").startswith(found[1])]
    text = ""
    for file in sorted({found[1], *(value.__module__ for _, value in own)}):
        members = [(inspect.getsourcelines(v)[1], n, v) for n, v in own if v.__module__ == file]
        text += f"## {file}\n\n```{{eval-rst}}\n.. automodule:: {file}\n   :no-index:\n\n"
        text += f".. testsetup::\n\n   from {file} import *\n\n"
        text += f".. currentmodule:: {module.__name__}\n\n"
        for _, name, value in sorted(members, key=lambda each: each[0]):
            kind = "class" if inspect.isclass(value) else "function"
            has_methods = kind == "class" and not issubclass(value, tuple)
            text += f".. auto{kind}:: {name}\n" + "   :members:\n" * has_methods
        text += "```\n\n"
    return text


def read_page(app, docname, source):
    text = links(HERE, source[0])
    source[0] = re.sub(r"<!-- public (\S+) -->", public, text)


def read_included(app, path, docname, source):
    source[0] = links((HERE / path).parent, source[0])


def plain(found):
    """Text without markup but for names: what reST would read as more is escaped."""
    if found[0].startswith("`"):
        return found[0] if re.fullmatch(r"`[A-Za-z_][\w.]*`", found[0]) else f"`{found[0]}`"
    return "\\" + found[0]


def read_docstring(app, what, name, value, options, lines):
    """Docstrings are plain text: formulas and code become blocks, references a list."""
    text = "\n".join(lines)
    text = re.sub(
        r"Args \(fields\), (.*):", r"Fields \1.\n\nArgs:", text
    )  # a class is made with them
    text = re.sub(r"^(Attributes|Args \(fields\)):", "Args:", text, flags=re.MULTILINE)
    reference = re.compile(r"^( *)(\[\d+\] .*(?:\n\1 +\S.*)*)", re.MULTILINE)
    text = reference.sub(lambda found: f"{found[1]}- " + " ".join(found[2].split()), text)
    done = []
    for number, part in enumerate(text.split("\n\n")):
        code = part.startswith("  ") and done and re.search(r":$|^ .*\Z", done[-1].split("\n")[-1])
        if code or (number == 1 and re.match(r"[^`\n]*( = |<-|\bof sum_)", part)):
            part = "::\n\n" + re.sub("^", "  ", part, flags=re.MULTILINE)
        elif ">>>" not in part:
            part = re.sub(r"`[^`]*`|[*|\\]|(?<=\w)_(?!\w)", plain, part)
            if part.startswith("Returns:"):  # one text, without a type before a colon
                part = ":returns: " + " ".join(part.split()[1:])
        done.append(part)
    lines[:] = "\n\n".join(done).split("\n")


def read_signature(app, what, name, value, options, arguments, returned):
    """Without where JAX keeps its arrays, and without what Flax adds to the fields of modules."""
    if arguments:
        arguments = re.sub(r"(, )?parent: .*? name: str \| None = None", "", arguments)
        arguments = re.sub(r"= <function .*?>(?=[,)])", "= ...", arguments)
        returned = returned and returned.replace("jaxlib._jax.", "")
        return arguments.replace("jaxlib._jax.", ""), returned


def setup(app):
    app.connect("autodoc-process-signature", read_signature)
    app.connect("source-read", read_page)
    app.connect("include-read", read_included)
    app.connect("autodoc-process-docstring", read_docstring, priority=400)
