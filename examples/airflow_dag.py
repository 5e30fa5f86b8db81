"""Airflow: every night, move the checksums that are new in PostgreSQL into a DynamoDB table.

For Airflow 3, in place of the prototype's daily run. Put it into the folder of your DAGs, and
change the names of the tables and columns in COMMAND. `onecopy` must be installed where tasks run
(pip install 'onecopy[aws,postgres]').
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

# The table contents and its columns md5 and created_at in PostgreSQL; the table known-contents and
# its partition key content in DynamoDB. The folder must survive the task, and be the same for every
# worker: it holds the position from which the next run starts, and the rejected rows.
COMMAND = """
folder=${ONECOPY_MIGRATIONS:-/var/lib/onecopy}
exec onecopy migrate --prototype contents md5 known-contents content --region us-west-2 \
    --since-column created_at --rejects "$folder/rejects-$(date +%F).csv" --no-progress
"""

# The connection `files_database` of Airflow names the database, with its password.
DATABASE = {
    "POSTGRES_HOST": "{{ conn.files_database.host }}",
    "POSTGRES_PORT": "{{ conn.files_database.port or 5432 }}",
    "POSTGRES_USER": "{{ conn.files_database.login }}",
    "POSTGRES_PASSWORD": "{{ conn.files_database.password }}",
    "POSTGRES_DATABASE": "{{ conn.files_database.schema }}",
}

with DAG(
    dag_id="onecopy_new_checksums",
    schedule="15 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # one run moves everything since the last one
    max_active_runs=1,  # two runs at once would share one position
) as dag:
    # Without retries: the next run resumes where this one stopped, and exit code 1 (some rows were
    # rejected, all others were moved) has to be seen, not repeated.
    BashOperator(
        task_id="move",
        bash_command=COMMAND,
        env=DATABASE,
        append_env=True,
        retries=0,
        execution_timeout=timedelta(hours=6),
    )
