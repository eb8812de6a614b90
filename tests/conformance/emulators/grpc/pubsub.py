"""Pub/Sub: topics, subscriptions, publishing and streaming pull. A message that is not acknowledged is not sent again."""

import itertools
import queue
import threading

import grpc
from google.protobuf import empty_pb2
from google.pubsub_v1 import types as api

# The queues of each topic's subscriptions, and of each subscription its own.
TOPICS = {}
SUBSCRIPTIONS = {}
NUMBERS = itertools.count(1)
# The interval at which a stream looks whether its client has gone, in seconds.
POLL = 0.2


def create_topic(request, _context):
    TOPICS.setdefault(request.name, [])
    return api.Topic(name=request.name)


def create_subscription(request, context):
    if request.topic not in TOPICS:
        context.abort(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={request.topic}).")
    SUBSCRIPTIONS[request.name] = queue.Queue()
    TOPICS[request.topic].append(SUBSCRIPTIONS[request.name])
    return request


def publish(request, context):
    if request.topic not in TOPICS:
        context.abort(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={request.topic}).")
    answer = api.PublishResponse()
    for message in request.messages:
        message.message_id = str(next(NUMBERS))
        answer.message_ids.append(message.message_id)
        for subscription in TOPICS[request.topic]:
            subscription.put(message)
    return answer


def streaming_pull(requests, context):
    first = next(requests)
    messages = SUBSCRIPTIONS.get(first.subscription)
    if messages is None:
        context.abort(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={first.subscription}).")
    # Acknowledgements and keep-alives arrive on the same stream.
    threading.Thread(target=lambda: list(requests), daemon=True).start()
    while context.is_active():
        try:
            message = messages.get(timeout=POLL)
        except queue.Empty:
            continue
        received = api.ReceivedMessage(ack_id=f"ack-{message.message_id}", message=message)
        yield api.StreamingPullResponse(received_messages=[received])


def accept(_request, _context):
    return empty_pb2.Empty()


SERVICES = {
    "google.pubsub.v1.Publisher": {
        "CreateTopic": (create_topic, api.Topic, "unary_unary"),
        "Publish": (publish, api.PublishRequest, "unary_unary"),
    },
    "google.pubsub.v1.Subscriber": {
        "CreateSubscription": (create_subscription, api.Subscription, "unary_unary"),
        "StreamingPull": (streaming_pull, api.StreamingPullRequest, "stream_stream"),
        "Acknowledge": (accept, api.AcknowledgeRequest, "unary_unary"),
        "ModifyAckDeadline": (accept, api.ModifyAckDeadlineRequest, "unary_unary"),
    },
}
