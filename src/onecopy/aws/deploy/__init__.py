"""onecopy on AWS: one template, and what fills it.

template.yaml     what a deployment is made of
requirements.txt  what the functions need besides onecopy, locked
choices.py        what somebody may choose, and the names that follow from it
package.py        the functions' package
account.py        clients of the account, and what their errors mean
artifacts.py      the bucket with package and page
secret.py         what signs tickets
stack.py          change sets, events, waiting
functions.py      whether they start
attached.py       what a bucket that was there before is told: events, CORS
deployment.py     deploying and removing, in their order
plan.py           what would be made
price.py          what it costs
"""
