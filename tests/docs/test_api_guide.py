"""`docs/api.md` works as written: its commands run, in order, against a real server."""

import os
import re
import subprocess
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_guide_runs_as_written(server: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```bash\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    script = "set -eu\n" + "\necho '=== block'\n".join(blocks)
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "BASE": server},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    outputs = [block.strip() for block in done.stdout.split("=== block")]
    (_, sign_in, booked, changed, page, imported, refused) = outputs
    assert '"email":"ada@example.org"' in sign_in
    assert booked == "246.80"
    assert changed == "2\n412"
    assert '"payee":"Corner Café"' in page
    assert imported.endswith("committed\n1946.60")
    assert '"pointer":"/name"' in refused
    assert '"code":"unknown_currency"' in refused
    assert "XXY" not in refused
