# Sourced by scripts that ask the package index during an image build. Secrets: `ca` is a bundle of certificates,
# `index` the URL of another index.
if [ -f /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi
if [ -f /run/secrets/index ]; then UV_DEFAULT_INDEX=$(cat /run/secrets/index); export UV_DEFAULT_INDEX; fi
export PYTHONPATH=/tools
