import os
import queue

from each_second import each_second
from google.cloud import pubsub_v1

publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
project = os.environ["GOOGLE_CLOUD_PROJECT"]
topic = publisher.topic_path(project, os.environ["NAME"])
subscription = subscriber.subscription_path(project, os.environ["NAME"])
publisher.create_topic(name=topic)
subscriber.create_subscription(name=subscription, topic=topic)
received = queue.Queue()


def receive(message):
    message.ack()
    received.put(message.data)


pulling = subscriber.subscribe(subscription, receive)
for _ in each_second():
    for number in range(10):
        publisher.publish(topic, str(number).encode()).result(timeout=30)
    found = {received.get(timeout=30) for _ in range(10)}
    print(f"received: {len(found)}")
pulling.cancel()
