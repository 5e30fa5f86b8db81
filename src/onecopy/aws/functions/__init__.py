"""Functions for AWS Lambda: the HTTP API behind API Gateway, and the events of a bucket.

The entry points are `onecopy.aws.functions.api.handler`, `onecopy.aws.functions.events.handler` and
`onecopy.aws.functions.checksums.handler`. Each opens its index and store once, at cold start.
"""
