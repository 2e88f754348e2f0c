"""Kafka's jars, from Maven Central into the cache."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.servers import cache

VERSION = "4.3.1"

_POM = """\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>warmscaler.tests</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{version}</version>
    </dependency>
    <!-- Without it Kafka says nothing when it dies. -->
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""


def libs() -> Path:
    """Return the folder of the jars of ``VERSION``; complete as soon as it exists."""
    return cache.folder(f"kafka-{VERSION}") / "libs"


def present() -> bool:
    """Tell whether the jars are there."""
    return libs().is_dir()


def fetch() -> None:
    """Download the jars (54 MB, 7 s) and put them in place in one step; a second caller's copy is dropped."""
    target = libs()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        pom = Path(scratch) / "pom.xml"
        pom.write_text(_POM.format(version=VERSION))
        copy = ["mvn", "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        done = subprocess.run(
            [*copy, f"-DoutputDirectory={scratch}/libs"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode != 0:
            raise OSError(done.stdout.decode(errors="replace"))
        if present():
            return
        (Path(scratch) / "libs").replace(target)


def classpath() -> str:
    """Return what ``java -cp`` wants."""
    return str(libs() / "*")


def java() -> str:
    """Return the path of the Java launcher."""
    return shutil.which("java") or "java"
