import firebase_admin
from firebase_admin import auth

firebase_admin.initialize_app()
print(f"user: {auth.get_user_by_email('ann@example.com').uid}")
