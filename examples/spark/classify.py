#!/usr/bin/env python3
"""Labels the audio files of a manifest on a Spark cluster: a table of scores in Parquet.

    spark-submit classify.py manifest.txt labels.parquet --model /shared/models/default
    spark-submit --master spark://head:7077 classify.py manifest.txt labels.parquet --astd /opt/astd/bin/astd

The manifest has a path a line, as every worker sees it. Each partition is piped through one astd, so that the model is
loaded once for many files. A partition whose astd or worker dies is done again by Spark, and only whole partitions
become part of the table: nothing is lost and nothing is there twice. A file that cannot be read is a row with `error`.
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
    """The rows of one line of astd."""
    if "error" in record:
        error = record["error"]
        return [(record["file"], None, None, None, None, None, error["code"], error["message"])]
    return [(record["file"], record["start"], record["end"], label["index"], label["label"], label["score"], None, None)
            for label in record["labels"]]


def classify(paths, command):
    """Pipes the paths of a partition through one astd. Raises when it died or left a file out: Spark tries again."""
    paths = [path for path in paths if path.strip()]
    if not paths:
        return
    # A file, not a pipe: astd may answer before it has read all paths, and neither side waits for the other.
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
        # Spark may not want the rest.
        process.stdout.close()
        process.terminate()
        status = process.wait()
    # 1: some files have errors, which are records.
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
    parser.add_argument("manifest", help="a file with a path a line")
    parser.add_argument("output", help="a directory for Parquet files")
    parser.add_argument("--astd", default="astd", help="the program, as the workers find it")
    parser.add_argument("--model", help="the model, as the workers find it")
    parser.add_argument("--threads", type=int, default=1, help="of each astd: the cores of a task")
    parser.add_argument("--partitions", type=int, default=64, help="what is done again when a worker dies")
    parser.add_argument("options", nargs="*", help="more options of astd classify, behind --")
    given = parser.parse_args()
    command = [given.astd, "classify", "--threads", str(given.threads)] + given.options
    if given.model:
        command += ["--model", given.model]
    spark = SparkSession.builder.appName("astd").getOrCreate()
    run(spark, given.manifest, given.output, command, given.partitions)
    spark.stop()


if __name__ == "__main__":
    main()
