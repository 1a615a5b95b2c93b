import { createHash } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ImageSource } from '../../../src/host/ports/storage.ts';
import { createFileStorage, type FileStorageOptions } from '../../../src/host/storage/index.ts';
import { selfSigned } from './self-signed.ts';
import { qcow2 } from '../../unit/storage/qcow2-bytes.ts';
import { type FileWorld, fileOptions, fileWorld, webServer } from './file-world.ts';

const imageUid = 'cccccccc-0000-4000-8000-000000000000';
const never = new AbortController().signal;
const image = qcow2();
const checksum = `sha256:${createHash('sha256').update(image).digest('hex')}`;

describe('downloads from hostile and broken servers', () => {
  const open: { close(): Promise<void> }[] = [];
  let world: FileWorld;
  const patience = 400;
  const given = async (change: Partial<FileStorageOptions> = {}) => {
    await world.cleanup();
    world = await fileWorld({ downloadIdleTimeoutMs: patience, ...change });
  };
  const serve = async (listener: (request: IncomingMessage, response: ServerResponse) => void) => {
    const server = await webServer(listener);
    open.push(server);
    return server.url;
  };
  const importing = (url: string, extra: Partial<ImageSource> = {}, signal = never) =>
    world.storage.importImage(
      { imageUid, from: { url }, checksum, format: 'qcow2', compression: 'None', ...extra },
      signal,
    );
  const nothingLeft = async () => {
    expect((await world.storage.list()).images).toEqual([]);
    expect(await readdir(join(world.dataDir, 'tmp'))).toEqual([]);
  };

  beforeEach(async () => {
    world = await fileWorld({ downloadIdleTimeoutMs: patience });
  });
  afterEach(async () => {
    await world.cleanup();
    for (const server of open.splice(0)) await server.close();
  });

  test('a private address is denied unless configured, and never connected to', async () => {
    let requests = 0;
    const url = await serve((_request, response) => {
      requests += 1;
      response.end(image);
    });
    await given({ allowPrivateAddresses: false });
    const denied = { reason: 'AddressDenied', retryable: false };
    await expect(importing(url)).rejects.toMatchObject(denied);
    await expect(importing(url.replace('127.0.0.1', 'localhost'))).rejects.toMatchObject(denied);
    await expect(importing(url.replace('127.0.0.1', '2130706433'))).rejects.toMatchObject(denied);
    await expect(importing(url.replace('127.0.0.1', '[::ffff:127.0.0.1]'))).rejects.toMatchObject(denied);
    expect(requests).toBe(0);
    await nothingLeft();
  });

  test('a name is resolved, checked and pinned; the server sees the name', async () => {
    let host: string | undefined;
    const url = await serve((request, response) => {
      host = request.headers.host;
      response.end(image);
    });
    const named = url.replace('127.0.0.1', 'localhost');
    await importing(named);
    expect(host).toBe(new URL(named).host);
    expect((await world.storage.list()).images).toMatchObject([{ state: 'complete', digest: checksum }]);
  });

  test('each redirect is checked again', async () => {
    await given({ allowPrivateAddresses: ['127.0.0.1/32'] });
    const url = await serve((request, response) => {
      const targets: Record<string, string> = {
        '/private': 'http://127.0.0.2:1/image',
        '/metadata': 'http://169.254.169.254/latest',
        '/file': 'file:///etc/shadow',
        '/good': '/image',
      };
      const location = targets[request.url ?? ''];
      if (location) response.writeHead(302, { location }).end();
      else response.end(image);
    });
    await expect(importing(`${url}/private`)).rejects.toMatchObject({ reason: 'AddressDenied' });
    await expect(importing(`${url}/metadata`)).rejects.toMatchObject({ reason: 'AddressDenied' });
    await expect(importing(`${url}/file`)).rejects.toMatchObject({ reason: 'InvalidUrl' });
    await nothingLeft();
    await importing(`${url}/good`);
  });

  test('https needs a certificate that the host trusts, for the name in the URL', async () => {
    const authority = await selfSigned('localhost');
    const server = createSecureServer({ key: authority.key, cert: authority.cert }, (_request, response) => {
      response.end(image);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => server.close(() => resolve())) });
    const { port } = server.address() as AddressInfo;

    await expect(importing(`https://localhost:${port}/`)).rejects.toMatchObject({ reason: 'DownloadFailed' });
    const caFile = join(world.imports, '..', 'ca.pem');
    await writeFile(caFile, authority.cert);
    const storage = createFileStorage({ ...fileOptions(`${world.dataDir}-2`, world.imports), caFile });
    const source = { imageUid, checksum, format: 'qcow2', compression: 'None' } as const;
    await expect(
      storage.importImage({ ...source, from: { url: `https://127.0.0.1:${port}/` } }, never),
    ).rejects.toMatchObject({ reason: 'DownloadFailed' });
    await storage.importImage({ ...source, from: { url: `https://localhost:${port}/` } }, never);
    expect((await storage.list()).images).toMatchObject([{ state: 'complete' }]);
    await storage.close();
  });

  test('redirects end', async () => {
    let requests = 0;
    const url = await serve((_request, response) => {
      requests += 1;
      response.writeHead(307, { location: `/${requests}` }).end();
    });
    await expect(importing(url)).rejects.toMatchObject({ reason: 'DownloadFailed', retryable: true });
    expect(requests).toBe(6);
  });

  test('credentials go to the first server only, and into no message', async () => {
    const seen: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url === '/start?token=hush') response.writeHead(302, { location: '/next' }).end();
      else response.writeHead(403).end();
    });
    const failure = await importing(`${url.replace('//', '//user:s3cret@')}/start?token=hush`).catch(
      (error) => error,
    );
    expect(seen).toEqual([`Basic ${Buffer.from('user:s3cret').toString('base64')}`, undefined]);
    expect(failure).toMatchObject({ reason: 'DownloadFailed', retryable: true });
    expect(failure.message).toContain('HTTP status 403');
    expect(failure.message).not.toMatch(/s3cret|hush/);
  });

  test.each(['ftp://images.test/x', 'file:///etc/passwd', 'json:{}', 'nonsense', ''])(
    '%j is no URL for images',
    async (url) => {
      await expect(importing(url)).rejects.toMatchObject({ reason: 'InvalidUrl', retryable: false });
    },
  );

  test('a server that accepts and stays silent is given up', async () => {
    const url = await serve(() => {});
    await expect(importing(url)).rejects.toMatchObject({ reason: 'DownloadFailed' });
    await nothingLeft();
  });

  test('a server that stops in the middle is given up', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': image.length });
      response.write(image.subarray(0, 1000));
    });
    await expect(importing(url)).rejects.toMatchObject({ reason: 'DownloadFailed' });
    await nothingLeft();
  });

  test('a server that drips is given up', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': image.length });
      const drip = setInterval(() => response.write('x'), 50);
      response.on('close', () => clearInterval(drip));
    });
    await expect(importing(url)).rejects.toMatchObject({
      reason: 'DownloadFailed',
      message: expect.stringContaining('bytes a second'),
    });
  });

  test('a server that closes before its content length failed', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': image.length });
      response.write(image.subarray(0, 5000), () => response.destroy());
    });
    await expect(importing(url)).rejects.toMatchObject({ reason: 'DownloadFailed', retryable: true });
    await nothingLeft();
  });

  test('bytes beyond the content length never reach the image', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${image.length}\r\n\r\n`);
        socket.end(Buffer.concat([image, Buffer.alloc(4096, 1)]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => server.close(() => resolve())) });
    const { port } = server.address() as AddressInfo;
    const outcome = await importing(`http://127.0.0.1:${port}/`).then(
      () => 'complete',
      (error) => error.reason,
    );
    expect(['complete', 'DownloadFailed']).toContain(outcome);
    for (const { digest } of (await world.storage.list()).images) expect(digest).toBe(checksum);
  });

  test('what is not HTTP is a failed download', async () => {
    const server = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end('SSH-2.0-OpenSSH_9.2\r\n'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => server.close(() => resolve())) });
    const { port } = server.address() as AddressInfo;
    await expect(importing(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ reason: 'DownloadFailed' });
    await expect(importing(`https://127.0.0.1:${port}/`)).rejects.toMatchObject({ reason: 'DownloadFailed' });
  });

  test('a download above the limit is refused, announced or not', async () => {
    await given({
      limits: { maxVirtualSizeBytes: 2 ** 36, maxDownloadBytes: 100_000, maxDecompressedBytes: 2 ** 30 },
    });
    const announced = await serve((_request, response) => response.end(image));
    await expect(importing(announced)).rejects.toMatchObject({ reason: 'TooLarge', retryable: false });
    const chunked = await serve((_request, response) => {
      response.write(image);
      response.end(image);
    });
    await expect(importing(chunked)).rejects.toMatchObject({ reason: 'TooLarge', retryable: false });
    await nothingLeft();
  });

  test('an import is stopped by its signal and by deleting its Image', async () => {
    const reached: (() => void)[] = [];
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': image.length });
      response.write(image.subarray(0, 100_000), () => reached.shift()?.());
    });
    await given({ downloadIdleTimeoutMs: 30_000 });
    const underWay = () => new Promise<void>((resolve) => reached.push(resolve));

    const controller = new AbortController();
    let server = underWay();
    const first = importing(url, {}, controller.signal);
    const firstOutcome = expect(first).rejects.toMatchObject({ reason: 'Aborted', retryable: true });
    await server;
    controller.abort();
    await firstOutcome;

    server = underWay();
    const second = importing(url);
    const secondOutcome = expect(second).rejects.toMatchObject({ reason: 'Aborted' });
    await server;
    await world.storage.deleteImage(imageUid);
    await secondOutcome;
    await nothingLeft();
  });

  test('progress is listed and told while an import is under way', async () => {
    const { promise: halfSent, resolve: sent } = Promise.withResolvers<ServerResponse>();
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': image.length });
      response.write(image.subarray(0, image.length / 2), () => sent(response));
    });
    await given({ downloadIdleTimeoutMs: 30_000 });
    const { promise: told, resolve } = Promise.withResolvers<void>();
    world.storage.watch(() => {
      void world.storage.list().then(({ images }) => {
        if (images[0]?.progressPercent === 50) resolve();
      });
    });
    const done = importing(url);
    const response = await halfSent;
    await told;
    expect((await world.storage.list()).images).toEqual([
      { imageUid, state: 'importing', format: 'qcow2', progressPercent: 50, overlays: [] },
    ]);
    response.end(image.subarray(image.length / 2));
    await done;
    expect((await world.storage.list()).images).toMatchObject([{ state: 'complete' }]);
  });
});
