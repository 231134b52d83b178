#!/usr/bin/env python3
"""Labels the audio files of a manifest on a Spark cluster: a table of scores in Parquet.

    spark-submit classify.py manifest.txt labels.parquet --model /shared/models/default
    spark-submit --master spark://head:7077 classify.py manifest.txt labels.parquet --astd /opt/astd/bin/astd

The manifest has one path per line, valid on every worker. Each partition is piped through one astd, so that the model is
loaded once for many files. A partition whose astd or worker dies is repeated by Spark, and only complete
partitions enter the table, so no row is missing or duplicated. An unreadable file becomes a row with `error`.
"""
import argparse
import json
import subprocess
import tempfile

from pyspark.sql import SparkSession
from pyspark.sql.types import DoubleType, FloatType, IntegerType, StringType, StructField, StructType

SCHEMA = StructType([
    StructField("file", StringType(), False),
    StructField("start", DoubleType()), StructField("end", DoubleType()),
    StructField("index", IntegerType()), StructField("label", StringType()), StructField("score", FloatType()),
    StructField("error", StringType()), StructField("message", StringType()),
])


def rows(record):
    """The rows of one line of output."""
    if "error" in record:
        error = record["error"]
        return [(record["file"], None, None, None, None, None, error["code"], error["message"])]
    return [(record["file"], record["start"], record["end"], label["index"], label["label"], label["score"], None, None)
            for label in record["labels"]]


def classify(paths, command):
    """Pipes the paths of a partition through one astd. Raises if it died or skipped a file, so that Spark retries."""
    paths = [path for path in paths if path.strip()]
    if not paths:
        return
    # A file instead of a pipe, because astd writes records before it has read all paths: two full pipes would deadlock.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as manifest:
        manifest.write("\n".join(paths) + "\n")
        manifest.seek(0)
        process = subprocess.Popen(command + ["--files-from", "-", "--format", "jsonl", "--no-progress"],
                                   stdin=manifest, stdout=subprocess.PIPE, encoding="utf-8")
    seen = set()
    try:
        for line in process.stdout:
            record = json.loads(line)
            seen.add(record["file"])
            yield from rows(record)
    finally:
        # Spark may stop reading early.
        process.stdout.close()
        process.terminate()
        status = process.wait()
    # 1: some files had errors, which are records.
    if status not in (0, 1):
        raise RuntimeError(f"astd ended with status {status}")
    left = set(paths) - seen
    if left:
        raise RuntimeError(f"astd ended before {len(left)} files, such as {sorted(left)[0]}")


def run(spark, manifest, output, command, partitions):
    """Writes the table; an earlier one of the same name is replaced."""
    paths = spark.sparkContext.textFile(manifest).repartition(partitions)
    table = spark.createDataFrame(paths.mapPartitions(lambda part: classify(part, command)), SCHEMA)
    table.write.mode("overwrite").parquet(output)


def main():
    parser = argparse.ArgumentParser(description="Labels the audio files of a manifest on Spark.")
    parser.add_argument("manifest", help="file with one path per line")
    parser.add_argument("output", help="directory for Parquet files")
    parser.add_argument("--astd", default="astd", help="path of astd on the workers")
    parser.add_argument("--model", help="path of the model on the workers")
    parser.add_argument("--threads", type=int, default=1, help="threads of each astd: the cores of a task")
    parser.add_argument("--partitions", type=int, default=64, help="number of partitions; a partition is repeated when a worker dies")
    parser.add_argument("options", nargs="*", help="further options of astd classify, after --")
    given = parser.parse_args()
    command = [given.astd, "classify", "--threads", str(given.threads)] + given.options
    if given.model:
        command += ["--model", given.model]
    spark = SparkSession.builder.appName("astd").getOrCreate()
    run(spark, given.manifest, given.output, command, given.partitions)
    spark.stop()


if __name__ == "__main__":
    main()
