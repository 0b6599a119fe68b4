FROM python:3.11-slim

WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY client client
COPY server server
COPY proto/schema.lock proto/schema.lock
# Installs wheels only, because this image has no compiler. Tested on x86-64; not tested on ARM.
RUN pip install --no-cache-dir --constraint constraints.txt '.[server,traces]' && rm -r /build/*

RUN useradd --create-home --uid 1000 --user-group ordertrail && install --directory --owner ordertrail /data
# A number, so that Kubernetes can check that it is not root.
USER 1000:1000
WORKDIR /home/ordertrail
ENV ORDERTRAIL_DATA=/data ORDERTRAIL_LISTEN=0.0.0.0:50051
VOLUME /data
EXPOSE 50051
ENTRYPOINT ["ordertrail"]
CMD ["serve"]
