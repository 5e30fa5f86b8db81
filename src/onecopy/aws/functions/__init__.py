"""Functions for AWS Lambda: the HTTP API behind API Gateway, and what works outside of requests.

The entry points are `onecopy.aws.functions.api.handler`, `onecopy.aws.functions.events.handler`
(the events of a bucket), `onecopy.aws.functions.ranges.handler` (confirming large copies) and
`onecopy.aws.functions.checksums.handler`. Each opens its index and store once, at cold start.
"""
