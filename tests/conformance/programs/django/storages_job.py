import os

from django.conf import settings

settings.configure(GS_BUCKET_NAME=os.environ["BUCKET"], GS_LOCATION=os.environ["RUN"], GS_QUERYSTRING_AUTH=False)

from each_second import each_second
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from storages.backends.gcloud import GoogleCloudStorage

store = GoogleCloudStorage()
name = store.save("reports/total.txt", ContentFile(b"total: 500500"))
for _ in each_second():
    print(store.listdir("reports"), store.open(name).read().decode())
store.delete(name)
