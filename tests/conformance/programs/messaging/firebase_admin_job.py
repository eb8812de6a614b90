import firebase_admin
from each_second import each_second
from firebase_admin import auth

firebase_admin.initialize_app()
for _ in each_second():
    print(f"user: {auth.get_user_by_email('ann@example.com').uid}")
