# SPDX-License-Identifier: MIT
"""Certificates for tests: an authority, and servers that it vouches for."""

import subprocess


class Authority:
    """An authority in a directory of its own; .file is its certificate."""

    def __init__(self, where, name="Test Authority"):
        self.where = where
        self.file = where / "ca.pem"
        self.key = where / "ca.key"
        where.mkdir(parents=True, exist_ok=True)
        self._openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
            "-subj", f"/O=Tests/CN={name}", "-keyout", self.key, "-out", self.file,
            "-addext", "basicConstraints=critical,CA:TRUE",
        )

    def _openssl(self, *args):
        subprocess.run(
            ["openssl", *map(str, args)], check=True, capture_output=True, cwd=self.where
        )

    def server(self, name, alt, dates=None, ec=False):
        """(certificate, key) with subjectAltName alt; dates: (start, end)."""
        key = self.where / f"{name}.key"
        request = self.where / f"{name}.csr"
        cert = self.where / f"{name}.pem"
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        self._openssl(
            "req", "-new", *(kind if ec else ["-newkey", "rsa:2048"]), "-nodes",
            "-subj", f"/CN={name}", "-keyout", key, "-out", request,
        )
        (self.where / "ext").write_text(f"subjectAltName={alt}\n")
        (self.where / "index").write_text("")
        (self.where / "serial").write_text("1000\n")
        (self.where / "ca.cnf").write_text(
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\n"
            "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
        )
        start, end = dates or ("20200101000000Z", "20400101000000Z")
        self._openssl(
            "ca", "-batch", "-config", "ca.cnf", "-cert", self.file, "-keyfile", self.key,
            "-in", request, "-out", cert, "-extfile", "ext", "-notext",
            "-startdate", start, "-enddate", end,
        )
        return cert, key
