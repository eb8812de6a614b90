import os

from each_second import each_second
from libcloud.common.google import GoogleAuthType
from libcloud.dns.drivers.google import GoogleDNSDriver

project = os.environ["GOOGLE_CLOUD_PROJECT"]
driver = GoogleDNSDriver("", "", project=project, auth_type=GoogleAuthType.GCE)
zone = driver.create_zone(f"{os.environ['NAME']}.example.com.", extra={"name": os.environ["NAME"], "description": ""})
driver.create_record(f"orders.{zone.domain}", zone, "A", {"rrdatas": ["192.0.2.7"], "ttl": 300})
for _ in each_second():
    [record] = [record for record in driver.list_records(zone) if record.type == "A"]
    print(f"{record.name} {record.data['rrdatas'][0]}")
