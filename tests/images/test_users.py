"""Who runs in a container, and what they may do there: nothing that training or classifying does not need."""

import json
from pathlib import Path

import pytest

from tests.images.containers import HARDENED, TMP, inspect, python, run, tiny

STATUS = """
import json
lines = open("/proc/self/status").read().splitlines()
print(json.dumps(dict(line.split(":\\t") for line in lines if line.startswith(("Uid", "Gid", "Cap", "NoNewPrivs")))))
"""
WRITABLE = """
import json, os
found = []
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/dev", "/tmp")]
    found += [path for path in (folder, *(os.path.join(folder, file) for file in files))
              if not os.path.islink(path) and os.access(path, os.W_OK) and not os.stat(path).st_mode & 0o1000]
print(json.dumps(found))
"""
SETUID = """
import json, os
found = []
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/dev")]
    found += [path for path in (os.path.join(folder, file) for file in files) if os.lstat(path).st_mode & 0o6000]
print(json.dumps(found))
"""
USERS = ["10001:0", "1234567:0", "1000:1000", "65534:65534"]
pytestmark = pytest.mark.images


def test_the_user_is_a_number_and_not_root(image: str) -> None:
    assert inspect(image)["Config"]["User"] == "10001:0"


def test_no_privileges(image: str) -> None:
    status = json.loads(python(image, STATUS, *HARDENED).stdout)
    assert status["Uid"].split() == ["10001"] * 4
    assert status["Gid"].split() == ["0"] * 4
    capabilities = {name: int(value, 16) for name, value in status.items() if name.startswith("Cap")}
    assert len(capabilities) == 5
    assert set(capabilities.values()) == {0}
    assert status["NoNewPrivs"] == "1"


@pytest.mark.parametrize("user", USERS[::2])
def test_nothing_but_temporary_folders_can_be_written_even_where_the_root_is_not_read_only(
    image: str, user: str
) -> None:
    assert json.loads(python(image, WRITABLE, "--user", user).stdout) == []


def test_no_program_gives_another_user_s_rights(image: str) -> None:
    assert json.loads(python(image, SETUID, "--user", "0:0").stdout) == []


@pytest.mark.parametrize("user", USERS)
def test_any_user_trains_and_classifies(
    train_image: str, classify_image: str, data: Path, store: Path, user: str
) -> None:
    mounts = {"/store": store, "/data/small:ro": data}
    done = run(train_image, mounts, "train", "ann", "--data", "/data/small", "--run", "r", *tiny(), user=user)
    assert done.returncode == 0, done.stderr
    (store / "in.csv").write_text("text\ni feel so happy\n")
    arguments = ["classify", "/store/in.csv", "/store/out.csv", "--model", "ann/r"]
    done = run(classify_image, {"/store": store}, *arguments, user=user)
    assert done.returncode == 0, done.stderr
    written = [path for path in store.rglob("*") if path.name != "in.csv"]
    owners = {f"{path.stat().st_uid}:{path.stat().st_gid}" for path in written}
    assert owners == {user}
    assert store / "runs" / "ann" / "r" / "metrics.json" in written
    assert store / "out.csv" in written
    # Another user of the store, such as the next job's, may read all of it.
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in written)


def test_nothing_is_left_behind_in_the_temporary_folder(classify_image: str, model: Path, store: Path) -> None:
    (store / "in.csv").write_text("text\ni feel so happy\n")
    temporary = store / "tmp"
    temporary.mkdir()
    temporary.chmod(0o1777)
    mounts = {"/store": store, "/model:ro": model, "/tmp": temporary}
    done = run(classify_image, mounts, "classify", "/store/in.csv", "/store/out.csv", "--model", "/model", more=())
    assert done.returncode == 0, done.stderr
    assert list(temporary.iterdir()) == []


def test_no_network_is_needed_and_its_lack_is_told(train_image: str, store: Path) -> None:
    done = run(train_image, {"/store": store}, "data", "fetch", "/store/emotion", more=TMP)
    assert done.returncode == 69
    assert "unreachable" in done.stderr
