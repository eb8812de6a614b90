import os

from google.cloud import firestore

orders = firestore.Client().collection(os.environ["NAME"])
orders.document("first").set({"total": 42})
print(f"total: {orders.document('first').get().get('total')}, documents: {len(list(orders.stream()))}")
