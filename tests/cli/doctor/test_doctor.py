"""`ordertrail doctor` on an embedded log: each fault is provoked, and named with its remedy."""

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from errno import ENOENT
from pathlib import Path
from shutil import copy, copytree
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner
from tests.certificates import Authority
from tests.cli.command_line import ENVIRONMENT, serve_directory
from tests.cli.doctor.doctor_run import build_directory, run_doctor
from tests.projections.log_builder import CONFIRMED, PLACED, LogBuilder, write_log

from ordertrail_server.cli.main import ordertrail
from ordertrail_server.doctor.certificates import check_certificates
from ordertrail_server.doctor.disk import check_space
from ordertrail_server.doctor.finding import Status
from ordertrail_server.doctor.policy import check_policy
from ordertrail_server.doctor.versions import check_descriptors, check_sqlite
from ordertrail_server.edge.tls.certificate_files import CertificateFiles
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Entry
from ordertrail_server.projections.rebuild import rebuild
from ordertrail_server.storage.checked.connection import connect_checked_writer

ORDERS = [f"order-{number}" for number in range(60)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("doctor") / "data"
    build_directory(data, ORDERS)
    return data


@pytest.fixture
def data(built: Path, tmp_path: Path) -> Path:
    return copytree(built, tmp_path / "data")


def find_orders_file(data: Path) -> Path:
    return next((data / "projections").glob("orders-*.sqlite"))


def test_stopped_server_in_order_has_no_fault(data: Path) -> None:
    run = run_doctor(data, "--strict")
    assert run.faults() == []
    assert run.exit_code == 0
    assert "No server serves" in run.text("server")
    assert "includes 120 of 120 records" in run.text("positions")
    assert "the newest records of 50 orders" in run.text("heads")
    assert "will be full in" in run.text("disk")


def test_running_server_is_examined_without_its_lock(data: Path) -> None:
    with serve_directory(data):
        run = run_doctor(data, "--strict")
    assert (run.exit_code, run.faults()) == (0, [])
    assert "A server serves" in run.text("server")


def test_findings_for_people_name_status_and_remedy(data: Path) -> None:
    result = CliRunner().invoke(ordertrail, ["doctor", "--data", str(data / "missing")])
    assert result.exit_code == 1
    assert "Name the directory of the server with --data" in result.stdout
    assert "Status" in result.stdout


def test_settings_that_a_server_refuses_are_wrong_usage(data: Path) -> None:
    result = CliRunner().invoke(ordertrail, ["doctor", "--data", str(data), "--listen", "0.0.0.0:50051"])
    assert result.exit_code == 2
    assert "other machines can reach" in result.stderr


def test_sqlite_with_the_wal_reset_bug_is_an_error() -> None:
    finding = check_sqlite((3, 51, 2))
    assert finding.status is Status.ERROR
    assert "WAL-reset bug" in finding.text
    assert check_sqlite().status is Status.OK


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (50, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("few_descriptors")
def test_too_few_descriptors_are_an_error() -> None:
    finding = check_descriptors()
    assert finding.status is Status.ERROR
    assert "ulimit -n" in finding.fix


def test_file_that_other_users_can_read_is_a_warning(data: Path) -> None:
    (data / "log.sqlite").chmod(0o644)
    run = run_doctor(data)
    assert (run.exit_code, run.faults()) == (0, [("permissions", "warning")])
    assert "log.sqlite" in run.text("permissions")
    assert run_doctor(data, "--strict").exit_code == 1


AS_NOBODY = """
import os, pathlib, sys
from ordertrail_server.doctor.directory import check_files, check_permissions
from ordertrail_server.log.data_directory import DataDirectory
data = DataDirectory(pathlib.Path(sys.argv[1]))
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
for finding in (check_files(data, is_embedded=True), *check_permissions(data)):
    print(finding.check, finding.status.value)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_directory_of_another_user_is_an_error(data: Path) -> None:
    command = [sys.executable, "-c", AS_NOBODY, str(data)]
    with TemporaryDirectory(prefix="ordertrail-test-") as shared:
        Path(shared).chmod(0o755)
        copytree(data, Path(shared) / "data")
        for directory in (data, Path(shared) / "data"):  # nobody may not even enter the parents of the first one
            command[-1] = str(directory)
            result = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
            assert "files error" in result.stdout, result.stderr
    assert "permissions error" in result.stdout


def test_lost_log_beside_its_projections_is_an_error(data: Path) -> None:
    for file in data.glob("log.sqlite*"):
        file.unlink()
    run = run_doctor(data)
    assert (run.exit_code, run.faults()) == (1, [("files", "error")])
    assert "the facts from which they were built are missing" in run.text("files")


@pytest.mark.parametrize("name", ["LOCK", "log.sqlite", "projections/orders-0-1.sqlite", "commands"])
def test_pipe_in_the_directory_is_an_error_and_nothing_waits_for_it(data: Path, name: str) -> None:
    (data / name).unlink(missing_ok=True)
    os.mkfifo(data / name, 0o600)
    run = run_doctor(data)
    assert run.faults() == [("files", "error")]
    assert f"{name}: neither a file nor a directory" in run.text("files")


def test_directory_whose_name_is_too_long_is_an_error() -> None:
    assert ("files", "error") in run_doctor(Path("/", "x" * 300)).faults()


def test_empty_directory_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o750)
    assert run_doctor(tmp_path / "data").faults() == [("files", "warning")]


def test_projection_of_another_log_is_an_error(data: Path, tmp_path: Path) -> None:
    build_directory(tmp_path / "foreign", ["order-1"])
    copy(find_orders_file(tmp_path / "foreign"), data / "projections" / f"orders-{'a' * 12}-1.sqlite")
    run = run_doctor(data)
    assert ("identity", "error") in run.faults()
    assert "was built from another log" in run.text("identity")


def test_restored_log_that_lacks_projected_records_is_an_error(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "log.sqlite"
    data.mkdir(mode=0o750)
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    write_log(data, builder.records[0])
    copy(data / "log.sqlite", backup)
    builder.add_fact("order-1", CONFIRMED)
    asyncio.run(append(data, builder.records[0][1:]))
    rebuild(data, lambda done, total: None)
    copy(backup, data / "log.sqlite")
    run = run_doctor(data)
    assert run.exit_code == 1
    assert {check for check, _ in run.faults()} == {"positions", "heads"}
    assert "the log has lost records" in run.text("positions")


async def append(data: Path, entries: Sequence[Entry]) -> None:
    log = EmbeddedLog.open(data)
    await log.append(0, entries)
    await log.close()


def test_newest_record_of_an_order_that_was_changed_is_an_error(data: Path) -> None:
    with closing(connect_checked_writer(find_orders_file(data))) as connection:
        connection.execute("UPDATE links SET digest = x'00' WHERE order_no = 1 AND version = 2")
    run = run_doctor(data)
    assert (run.exit_code, run.faults()) == (1, [("heads", "error")])
    assert "order-0" in run.text("heads")


def test_damaged_projection_is_an_error(data: Path) -> None:
    file = find_orders_file(data)
    content = bytearray(file.read_bytes())
    content[100:200] = bytes(100)
    file.write_bytes(content)
    assert ("projections", "error") in run_doctor(data).faults()


def test_newest_record_in_the_future_is_an_error(tmp_path: Path) -> None:
    build_directory(tmp_path / "data", ["order-1"], seconds=3_600)
    run = run_doctor(tmp_path / "data")
    assert (run.exit_code, run.faults()) == (1, [("clock", "error")])
    assert "seconds in the future" in run.text("clock")


def test_disk_that_will_be_full_is_a_warning(data: Path) -> None:
    # The whole log is of this week, so its growth fills even a large disk within a century.
    build_directory(data.with_name("quick"), [f"order-{number}" for number in range(200)], seconds=-1)
    run = run_doctor(data.with_name("quick"), "--disk-days", "36500")
    assert run.faults() == [("disk", "warning")]


def test_almost_full_disk_is_an_error(data: Path) -> None:
    assert check_space(data, least_bytes=1 << 60).status is Status.ERROR


def test_old_or_short_log_has_no_forecast(tmp_path: Path) -> None:
    build_directory(tmp_path / "data", ORDERS, seconds=-30 * 24 * 3_600)
    assert "too few for a forecast" in run_doctor(tmp_path / "data").text("disk")


@pytest.mark.parametrize(("days", "status"), [(-1.0, "error"), (10.0, "warning"), (60.0, "ok")])
def test_certificate_is_judged_by_its_expiry(data: Path, tmp_path: Path, days: float, status: str) -> None:
    pair = Authority(tmp_path).sign("server", days=days)
    pair.key.chmod(0o600)
    run = run_doctor(data, "--tls-cert", str(pair.certificate), "--tls-key", str(pair.key))
    assert run.faults() == ([] if status == "ok" else [("certificates", status)])
    assert run.exit_code == (status == "error")


def test_authority_that_expires_soon_is_a_warning(data: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.sign("server", days=60)
    pair.key.chmod(0o600)
    options = ("--tls-cert", str(pair.certificate), "--tls-key", str(pair.key), "--tls-client-ca", str(authority.file))
    assert run_doctor(data, *options).faults() == [("certificates", "warning")]


def test_key_of_another_certificate_or_with_wide_permissions_is_named(data: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    first, second = authority.sign("first", days=60), authority.sign("second", days=60)
    run = run_doctor(data, "--tls-cert", str(first.certificate), "--tls-key", str(second.key))
    assert run.faults() == [("certificates", "error")]
    first.key.chmod(0o644)
    run = run_doctor(data, "--tls-cert", str(first.certificate), "--tls-key", str(first.key))
    assert run.faults() == [("certificates", "warning")]


def test_embedded_log_in_the_directory_of_a_server_on_kafka_is_an_error(data: Path) -> None:
    run = run_doctor(data, "--log", "kafka", "--bootstrap", "127.0.0.1:1")
    assert run.faults() == [("files", "error"), ("topics", "error")]
    assert "cannot connect to any broker" in run.text("topics")


def test_policy_is_checked_as_a_server_does(data: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[[grants]]\nto = "anyone"\nmay = ["read"]\ncustomers = "all"\n')
    policy.chmod(0o644)
    assert run_doctor(data, "--policy", str(policy)).faults() == []
    policy.chmod(0o666)
    assert run_doctor(data, "--policy", str(policy)).faults() == [("policy", "warning")]
    policy.write_text('[[grants]]\nto = "anyone"\nmay = ["reed"]\n')
    run = run_doctor(data, "--policy", str(policy))
    assert (run.exit_code, run.faults()) == (1, [("policy", "error")])


class VanishingPath(type(Path())):  # type: ignore[misc]  # the class of paths of this system
    """The path of a file that is removed after it was read."""

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(self))


def test_file_that_is_removed_during_its_check_is_an_error(tmp_path: Path) -> None:
    policy, pair = tmp_path / "policy.toml", Authority(tmp_path).sign("server", days=60)
    policy.write_text('[[grants]]\nto = "anyone"\nmay = ["read"]\ncustomers = "all"\n')
    files = CertificateFiles(pair.certificate, VanishingPath(pair.key), None)
    certificates = check_certificates(files, None, datetime.now(UTC), is_local=True)
    for finding in (check_policy(VanishingPath(policy), is_local=True), next(certificates)):
        assert finding.status is Status.ERROR
        assert "No such file" in finding.text


def test_public_server_without_policy_and_tls_is_warned_of(data: Path) -> None:
    run = run_doctor(data, "--listen", "0.0.0.0:50051", "--insecure")
    assert run.faults() == [("policy", "warning"), ("certificates", "warning")]
