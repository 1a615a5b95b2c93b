# Purlin in one image: the controller, the API server, and an agent beside a host's own libvirtd.
#   docker build -t purlin .
#   docker run --rm purlin --help
FROM node:24-bookworm AS build
WORKDIR /purlin
COPY package.json package-lock.json ./
RUN npm install --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:24-bookworm-slim
COPY scripts/host-packages.txt /tmp/host-packages.txt
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive xargs -a /tmp/host-packages.txt apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* /tmp/host-packages.txt
WORKDIR /purlin
COPY --from=build /purlin/package.json ./
COPY --from=build /purlin/node_modules node_modules
COPY --from=build /purlin/dist dist
COPY crds crds
ENV NODE_ENV=production PURLIN_DATA_DIR=/var/lib/purlin
VOLUME /var/lib/purlin
ENTRYPOINT ["node", "/purlin/dist/main.js"]
CMD ["--help"]
