"""Deployment of onecopy to AWS with CloudFormation.

template.yaml     the resources of a deployment
requirements.txt  the dependencies of the functions, locked
choices.py        the user's choices, and the names and parameters that follow from them
package.py        the functions' package
account.py        clients of the account, and translation of their errors
artifacts.py      the bucket for package and page
secret.py         the secrets that sign tickets
stack.py          the stack: change sets, events, waiting
health.py         whether the functions start
notifications.py  event notifications of an existing bucket
deployment.py     deploying and removing, step by step
plan.py           the resources that would be created
price.py          the monthly cost
"""
