"""The same workflow through a real Slurm of one node, which is started for this test and stopped after it."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
import types
from pathlib import Path

import psutil
import pytest

CONFIGURATION = Path("/etc/slurm/slurm.conf")  # the plugin removes SLURM_CONF: only this place is found by its jobs
MARK = "# written by CCC's tests, which remove it\n"
TEMPLATE = """
ClusterName=local
SlurmctldHost=localhost
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
ReturnToService=2
MinJobAge=300
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
SlurmdTimeout=10
KillWait=5
GresTypes=gpu
NodeName=localhost NodeAddr=127.0.0.1 CPUs=4 RealMemory=64000 Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes=localhost Default=YES MaxTime=01:00:00 State=UP
"""


def reason_against() -> str:
    if not os.environ.get("CCC_TEST_SLURM"):
        return "starts a Slurm of its own: `make test-slurm`, or CCC_TEST_SLURM=1"
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if not shutil.which(name)]
    if missing:
        return f"no {', '.join(missing)}: apt-get install slurm-wlm munge"
    if os.geteuid():
        return "needs root to start the daemons"
    if CONFIGURATION.exists() and not CONFIGURATION.read_text().startswith(MARK):
        return f"{CONFIGURATION} is there already: not touching a cluster that is in use"
    return ""


pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(reason_against()), reason=reason_against() or "-")]


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A running cluster of one node with one GPU, which is /dev/zero: `start_node` and `crash_node`."""
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    gres = CONFIGURATION.with_name("gres.conf")
    CONFIGURATION.write_text(MARK + TEMPLATE.format(folder=folder, ports=free_ports(2)))
    gres.write_text(MARK + "Name=gpu Count=1 File=/dev/zero\n")
    daemons = []

    def start(*command):
        daemons.append(subprocess.Popen(command, stdout=open(folder / "out", "a"), stderr=subprocess.STDOUT))

    def start_node():
        start("slurmd", "-D", "-N", "localhost", "-f", str(CONFIGURATION))
        up(lambda: "idle" in said("sinfo", "--noheader", "--format=%t"), folder)

    def crash_node():
        """Kill the node's daemon and all jobs, as a power failure does, and wait until the cluster has noticed."""
        lost = set()
        for head in psutil.process_iter(["name"]):
            if head.info["name"] in ("slurmd", "slurmstepd"):
                with contextlib.suppress(psutil.NoSuchProcess):
                    lost |= {head, *head.children(recursive=True)}
        for one in lost:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        up(lambda: "down" in said("sinfo", "--noheader", "--format=%t"), folder)

    try:
        start("munged", "--foreground", "--force", *(
            f"--{name}={folder}/munge.{suffix}" for name, suffix in
            (("key-file", "key"), ("socket", "socket"), ("pid-file", "pid"), ("log-file", "log"), ("seed-file", "seed"))
        ))  # fmt: skip
        up(lambda: (folder / "munge.socket").exists(), folder)
        start("slurmctld", "-D", "-f", str(CONFIGURATION))
        up(lambda: "UP" in said("scontrol", "ping"), folder)
        start_node()
        yield types.SimpleNamespace(start_node=start_node, crash_node=crash_node)
    finally:
        said("scancel", "--partition=main")
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(20)
            daemon.kill()
        CONFIGURATION.unlink()
        gres.unlink()


def said(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def up(condition, folder: Path, seconds: float = 60):
    end = time.monotonic() + seconds
    while not condition():
        logs = "\n".join(path.read_text()[-2000:] for path in (folder / "out", *folder.glob("*.log")) if path.exists())
        assert time.monotonic() < end, logs
        time.sleep(0.2)


def options(*more: str) -> list[str]:
    """What one small node needs beside the profile: less memory and fewer CPUs than a cluster's."""
    return [
        "--profile", "profiles/slurm", "--slurm-no-account", "--default-resources", "slurm_partition=main",
        "mem_mb=2000 * attempt", "runtime=10", "--set-resources", "train:mem_mb=4000", "train:runtime=10",
        "segment:mem_mb=2000", "segment:runtime=10", "shard:runtime=10",
        "--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "15", *more,
    ]  # fmt: skip


def test_slurm_gives_what_one_machine_gives(slurm, checkout, unbroken):
    cluster = checkout("slurm")
    run = cluster.run(*options())
    assert run.returncode == 0, run.output
    assert cluster.results() == unbroken.results()
    assert len(set(re.findall(r"SLURM jobid (\d+)", run.output))) > 8
    assert "Nothing to be done" in cluster.run().output


def job_of(process: int) -> str:
    """Number of the Slurm job to which a process belongs."""
    return psutil.Process(process).environ()["SLURM_JOB_ID"]


def test_jobs_out_of_time_cancelled_requeued_and_lost_with_their_node_are_done_again(
    slurm, copied, unbroken, processes, tmp_path
):
    at = {"train": 4, "colorize": 2, "harmonize": 1, "tables": 1}
    front = processes.deadly(tmp_path / "bin", at, number="SIGSTOP")
    shutil.rmtree(copied.folder / "results/train")
    run = copied.start(*options("--forcerun", "train"), front=front)
    try:
        job = job_of(processes.stopped(front, "train"))
        assert said("scontrol", "update", f"JobId={job}", "TimeLimit=1") == ""
        assert said("scancel", job_of(processes.stopped(front, "colorize"))) == ""
        assert said("scontrol", "requeue", job_of(processes.stopped(front, "harmonize"))) == ""
        processes.stopped(front, "tables")
        slurm.crash_node()
        slurm.start_node()
        assert run.wait(1800) == 0
    finally:
        run.kill()
        run.wait()
    of_training = (copied.folder / ".snakemake/slurm_logs/rule_train").glob("*.log")
    assert any("DUE TO TIME LIMIT" in path.read_text() for path in of_training)
    assert "resumed at step" in (copied.folder / "logs/train/tiny.log").read_text()
    assert copied.results() == unbroken.results()
