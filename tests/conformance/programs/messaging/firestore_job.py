import os

from each_second import each_second
from google.cloud import firestore

orders = firestore.Client().collection(os.environ["NAME"])
orders.document("first").set({"total": 42})
for _ in each_second():
    print(f"total: {orders.document('first').get().get('total')}, documents: {len(list(orders.stream()))}")
