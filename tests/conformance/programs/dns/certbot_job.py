import os

from certbot_dns_google._internal.dns_google import _GoogleClient
from each_second import each_second

name, project = os.environ["NAME"], os.environ["GOOGLE_CLOUD_PROJECT"]
# What the plugin does between the order of a certificate and its validation.
client = _GoogleClient()
zone = {"name": name, "dnsName": f"{name}.example.net.", "description": "", "visibility": "public"}
client.dns.managedZones().create(project=project, body=zone).execute()
for _ in each_second():
    client.add_txt_record(f"{name}.example.net", f"_acme-challenge.{name}.example.net", "validation", 60)
    [record] = client.dns.resourceRecordSets().list(project=project, managedZone=name, type="TXT").execute()["rrsets"]
    client.del_txt_record(f"{name}.example.net", f"_acme-challenge.{name}.example.net", "validation", 60)
    left = client.dns.resourceRecordSets().list(project=project, managedZone=name, type="TXT").execute()["rrsets"]
    print(f"{record['name']} {record['rrdatas'][0]}, {len(left)} left")
