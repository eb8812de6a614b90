import os
import queue

from google.cloud import pubsub_v1

publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
project = os.environ["GOOGLE_CLOUD_PROJECT"]
topic = publisher.topic_path(project, os.environ["NAME"])
subscription = subscriber.subscription_path(project, os.environ["NAME"])
publisher.create_topic(name=topic)
subscriber.create_subscription(name=subscription, topic=topic)
for number in range(10):
    publisher.publish(topic, str(number).encode()).result(timeout=30)
received = queue.Queue()


def receive(message):
    message.ack()
    received.put(message.data)


pulling = subscriber.subscribe(subscription, receive)
found = {received.get(timeout=30) for _ in range(10)}
pulling.cancel()
print(f"received: {len(found)}")
