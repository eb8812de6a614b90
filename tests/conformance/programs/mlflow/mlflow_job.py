import os

import mlflow
from each_second import each_second

mlflow.set_tracking_uri("file:" + os.path.abspath("runs"))
experiment = mlflow.create_experiment("sales", artifact_location=os.environ["URL"])
with mlflow.start_run(experiment_id=experiment) as run:
    mlflow.log_text("total: 500500", "report/total.txt")
[artifact] = mlflow.MlflowClient().list_artifacts(run.info.run_id, "report")
for _ in each_second():
    print(mlflow.artifacts.load_text(f"{run.info.artifact_uri}/{artifact.path}"))
