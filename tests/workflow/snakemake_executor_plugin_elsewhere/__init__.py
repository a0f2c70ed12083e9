"""An engine for tests: each job in an empty folder of its own, as on machines that share none."""

import os
import subprocess
import tempfile

from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings

common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=True,
    job_deploy_sources=True,
    pass_default_storage_provider_args=True,
    pass_default_resources_args=True,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
    init_seconds_before_status_checks=1,
)


class Executor(RemoteExecutor):
    def run_job(self, job):
        folder = tempfile.mkdtemp(prefix=f"{job.name}-", dir=os.environ["CCC_TEST_ELSEWHERE"])
        process = subprocess.Popen(
            ["bash", "-c", self.format_job_exec(job)], cwd=folder, env=os.environ | self.envvars()
        )
        self.report_job_submission(SubmittedJobInfo(job, external_jobid=folder, aux={"process": process}))

    async def check_active_jobs(self, active_jobs):
        for active in active_jobs:
            code = active.aux["process"].poll()
            if code is None:
                yield active
            elif code:
                self.report_job_error(active)
            else:
                self.report_job_success(active)

    def cancel_jobs(self, active_jobs):
        for active in active_jobs:
            active.aux["process"].terminate()
