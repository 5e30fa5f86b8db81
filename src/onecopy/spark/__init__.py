"""Reading a store on a cluster of machines with Apache Spark, for what one machine cannot read.

    what is to be read ─▶ plan: tasks of equal bytes ─▶ executors read and hash ─▶ the index

job         the command: `spark-submit …/onecopy/spark/job.py`
driver      runs a plan: only the tasks that have no result yet
plan        the tasks, written to the folder of results before anything is read
tasks       a task: small objects, and ranges of large ones
executor    does a task, and writes its result
outcomes    what became of each object, from the results of all tasks
loading     loads that into the index
folder      the folder of results, on a shared disk or in a bucket

Spark decides only which executor does which task. All that is known is in the folder of results, so
a job that was killed at any moment resumes, and reads nothing again that is there.
"""
