import os

import litellm
from each_second import each_second

for _ in each_second():
    answer = litellm.completion(
        model="vertex_ai/gemini-2.5-flash",
        vertex_project=os.environ["GOOGLE_CLOUD_PROJECT"],
        vertex_location="us-central1",
        messages=[{"role": "user", "content": "how many orders?"}],
    )
    print(answer.choices[0].message.content)
