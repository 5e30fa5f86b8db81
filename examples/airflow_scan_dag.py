"""Airflow: every night, bring the index up to date with a bucket, and show what was found.

For Airflow 3, in place of the prototype's Spark job. Put it into the folder of your DAGs, and set
ONECOPY_STORE and ONECOPY_INDEX where tasks run, such as s3://photos and postgresql:///onecopy.
`onecopy` must be installed there (pip install 'onecopy[aws,postgres]').
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="onecopy_scan",
    schedule="15 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # a scan sees the bucket as it is now, whichever night it is for
    max_active_runs=1,  # a second scan of an index would end with an error
) as dag:
    scan = BashOperator(
        task_id="scan",
        bash_command="onecopy scan --json --no-progress",
        retries=2,  # an interrupted scan resumes where it was
        retry_delay=timedelta(minutes=5),
        execution_timeout=timedelta(hours=6),
    )
    report = BashOperator(task_id="report", bash_command="onecopy report --json")
    scan >> report
