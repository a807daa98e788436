"""What the renderer may import, and its command."""

import subprocess
import sys

import numpy as np
from PIL import Image


def test_rendering_imports_neither_jax_nor_tensorflow():
    code = (
        "import sys, data_pipelines.rendered_objects as o; o.render_object('train', 0, size=16);"
        "print(*sorted({m.split('.')[0] for m in sys.modules} & "
        "{'jax', 'jaxlib', 'flax', 'tensorflow', 'tensorflow_datasets', 'scipy', 'PIL'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


def test_a_contact_sheet_is_written(tmp_path, monkeypatch, capsys):
    from data_pipelines.rendered_objects.__main__ import main

    sheet = tmp_path / "sheet.png"
    arguments = ["--out", str(sheet), "--rows", "2", "--columns", "3", "--size", "16"]
    monkeypatch.setattr(sys, "argv", ["rendered_objects", *arguments])
    main()
    assert np.asarray(Image.open(sheet)).shape == (32, 48, 3)
    assert "2 x 3" in capsys.readouterr().out
