import com.google.cloud.bigquery.BigQueryOptions;
import com.google.cloud.bigquery.CsvOptions;
import com.google.cloud.bigquery.DatasetInfo;
import com.google.cloud.bigquery.Field;
import com.google.cloud.bigquery.QueryJobConfiguration;
import com.google.cloud.bigquery.Schema;
import com.google.cloud.bigquery.StandardSQLTypeName;
import com.google.cloud.bigquery.TableId;
import com.google.cloud.bigquery.WriteChannelConfiguration;
import java.nio.ByteBuffer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Loads a CSV file into a table, and queries a sum. */
public class BigQueryJob {
  public static void main(String[] args) throws Exception {
    var bigquery = BigQueryOptions.getDefaultInstance().getService();
    var table = TableId.of(System.getenv("NAME"), "sales");
    bigquery.create(DatasetInfo.of(table.getDataset()));
    var load =
        WriteChannelConfiguration.newBuilder(table, CsvOptions.newBuilder().setSkipLeadingRows(1).build())
            .setSchema(Schema.of(Field.of("amount", StandardSQLTypeName.INT64)))
            .build();
    var writer = bigquery.writer(load);
    try (writer) {
      writer.write(ByteBuffer.wrap(rows().getBytes()));
    }
    var job = writer.getJob().waitFor();
    if (job.getStatus().getError() != null) throw new Exception(job.getStatus().getError().getMessage());
    var sum = QueryJobConfiguration.of("SELECT SUM(amount) FROM " + table.getDataset() + "." + table.getTable());
    var end = System.nanoTime() + 1_000_000_000L * Long.parseLong(System.getenv().getOrDefault("REPEAT_SECONDS", "0"));
    while (true) {
      System.out.println("total: " + bigquery.query(sum).iterateAll().iterator().next().get(0).getLongValue());
      if (System.nanoTime() - end >= 0) break;
      Thread.sleep(1000);
    }
  }

  private static String rows() {
    return "amount\n" + IntStream.rangeClosed(1, 1000).mapToObj(Integer::toString).collect(Collectors.joining("\n"));
  }
}
