"""The judge must not know the judged: the phone network never imports the campaign software."""

import ast
import subprocess
import sys
from pathlib import Path

import phone_network

PACKAGE = Path(phone_network.__file__).parent


def test_no_module_names_the_campaign_software() -> None:
    imported = {
        name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert "aiohttp" in imported
    assert not [name for name in imported if name.startswith(("ringback", "boto"))]


def test_a_running_network_has_not_loaded_it_either() -> None:
    code = (
        "import sys, phone_network.__main__\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('ringback', 'boto3', 'botocore')])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "[]"
