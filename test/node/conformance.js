// The official Node SDKs of CAR, COS and STS against a running carsim: two
// readings of the protocols that share nothing. Run it as
//
//   carsim -- node test/node/conformance.js
//
// It uses up what the simulator starts with, so it wants a fresh one.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');

// A proxy would be asked for the loopback address too.
delete process.env.http_proxy;
delete process.env.HTTP_PROXY;

const COS = require('cos-nodejs-sdk-v5');
const sdk = require('tencentcloud-sdk-nodejs-intl-en');
const Sign = require('tencentcloud-sdk-nodejs-intl-en/tencentcloud/common/sign');
const Credential = require('tencentcloud-sdk-nodejs-intl-en/tencentcloud/common/credential');
// Of the SDK for the China site, which alone can trade an OIDC token.
const { CommonClient, OIDCRoleArnCredential } = require('tencentcloud-sdk-nodejs-common');
const ClientProfile = require('tencentcloud-sdk-nodejs-intl-en/tencentcloud/common/profile/client_profile');
const HttpProfile = require('tencentcloud-sdk-nodejs-intl-en/tencentcloud/common/profile/http_profile');

const { Client, Models } = sdk.car.v20220110;
const host = new URL(need('CAR_ENDPOINT')).host;
const cosHost = new URL(need('CAR_COS_ENDPOINT')).host;
const secretId = need('TENCENTCLOUD_SECRET_ID');
const secretKey = need('TENCENTCLOUD_SECRET_KEY');

const app = 'app-desktop';
const file = 'ocean app+3.zip';
const MiB = 1024 * 1024;

function need(name) {
  if (!process.env[name]) {
    console.error(`${name} is not set; run this as: carsim -- node ${process.argv[1]}`);
    process.exit(2);
  }
  return process.env[name];
}

let passed = 0;
let failed = 0;

// check runs one check, prints one line, and returns what the check returned.
async function check(name, f) {
  try {
    const result = await f();
    console.log(`ok    ${name}`);
    passed++;
    return result;
  } catch (e) {
    console.log(`FAIL  ${name}: ${e.code ? e.code + ' ' : ''}${e.message}`);
    failed++;
    return undefined;
  }
}

function equal(got, want, what) {
  if (JSON.stringify(got) !== JSON.stringify(want)) {
    throw new Error(`got ${what} ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }
}

// refused checks that a promise fails with one of the service's codes.
async function refused(promise, code) {
  let got = 'no error';
  try {
    await promise;
  } catch (e) {
    got = e.code || e.message;
  }
  equal(got, code, 'code');
}

function client(id = secretId, key = secretKey, token = null) {
  const httpProfile = new HttpProfile();
  httpProfile.protocol = 'http://';
  httpProfile.endpoint = host;
  return new Client(new Credential(id, key, token), 'ap-singapore', new ClientProfile('TC3-HMAC-SHA256', httpProfile));
}

// call calls a CAR action with the SDK's own request model.
function call(action, params, c = client()) {
  const request = new Models[action + 'Request']();
  request.from_json_string(JSON.stringify(params));
  return promisify(c[action].bind(c))(request);
}

function bucket(key, changes = {}) {
  return new COS({
    SecretId: key.SecretID,
    SecretKey: key.SecretKey,
    SecurityToken: key.SessionToken,
    Protocol: 'http:',
    Domain: cosHost,
    AutoSwitchHost: false,
    ChunkRetryTimes: 0,
    ...changes,
  });
}

function post(hostport, headers, body) {
  const [hostname, port] = hostport.split(':');
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, method: 'POST', path: '/', headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function status(id) {
  const { Versions } = await call('DescribeApplicationVersion', { ApplicationId: app });
  const version = Versions.find((v) => v.ApplicationVersionId === id);
  return version ? version.ApplicationVersionStatus : 'gone';
}

async function becomes(id, wanted) {
  let got = await status(id);
  for (let tries = 0; got !== wanted && tries < 100; tries++) {
    await new Promise((done) => setTimeout(done, 100));
    got = await status(id);
  }
  equal(got, wanted, 'status');
}

async function world(change) {
  const response = await fetch(`http://${host}/_carsim/world`, { method: 'POST', body: JSON.stringify(change) });
  if (!response.ok) throw new Error(await response.text());
}

async function ships() {
  await check('DescribeApplicationList', async () => {
    const filters = [{ Name: 'ApplicationId', Values: [app] }];
    const answer = await call('DescribeApplicationList', { Offset: 0, Limit: 10, Filters: filters, ApplicationCategory: 'DESKTOP' });
    equal([answer.ApplicationTotal, answer.UserApplicationList[0].ApplicationExePath], [1, 'Game\\Game.exe'], 'total and start path');
  });
  const id = await check('CreateApplicationVersion', async () => {
    const { Version } = await call('CreateApplicationVersion', {
      ApplicationId: app,
      ApplicationFileName: file,
      ApplicationVersionRegions: ['ap-singapore'],
      ApplicationVersionUpdateMode: 'FULL',
    });
    equal(
      [Version.ApplicationVersionName, Version.ApplicationVersionStatus, Version.ApplicationVersionRegions, Version.ApplicationVersionUpdateMode],
      ['ocean app+3', 'Creating', ['ap-singapore'], 'FULL'],
      'version',
    );
    return Version.ApplicationVersionId;
  });
  await check('DescribeApplicationVersion', async () => equal(await status(id), 'Creating', 'status'));
  await check('a second CreateApplicationVersion is refused', () =>
    refused(call('CreateApplicationVersion', { ApplicationId: app, ApplicationFileName: file }), 'OperationDenied.VersionCreating'));
  const key = await check('DescribeCosCredential', async () => {
    const answer = await call('DescribeCosCredential', { ApplicationId: app, ApplicationFileName: file });
    if (!answer.Path.includes(id)) throw new Error(`the path ${answer.Path} does not hold ${id}`);
    equal(answer.ExpiredTime - answer.StartTime, 6 * 3600, 'lifetime in seconds');
    return answer;
  });
  await check('CreateApplicationSnapshot without an object is refused', () =>
    refused(call('CreateApplicationSnapshot', { ApplicationId: app, ApplicationDownloadUrl: '' }), 'FailedOperation'));
  await uploads(key);
  await check('CreateApplicationSnapshot', () => call('CreateApplicationSnapshot', { ApplicationId: app, ApplicationDownloadUrl: '' }));
  await check('the version becomes Normal', () => becomes(id, 'Normal'));
  await check('DescribeApplicationStatus', async () => {
    const { StatusList } = await call('DescribeApplicationStatus', { ApplicationIdList: [app] });
    equal([StatusList[0].ApplicationRunStatus, StatusList[0].ApplicationUpdateStatus], ['ApplicationRunning', 'ApplicationUpdateNoReleased'], 'status');
  });
  await check('DescribeApplicationPathList', async () => {
    const { PathList } = await call('DescribeApplicationPathList', { ApplicationId: app, ApplicationVersionId: id });
    equal(PathList, ['Game\\Game.exe'], 'paths');
  });
  await check('SetApplicationVersionOnline', async () => {
    const { Versions } = await call('SetApplicationVersionOnline', { ApplicationId: app, ApplicationVersionId: id });
    equal(Versions.filter((v) => v.ApplicationVersionStatus === 'Inuse').map((v) => v.ApplicationVersionId), [id], 'versions online');
  });
  await check('ModifyApplicationVersion', async () => {
    await call('ModifyApplicationVersion', { ApplicationId: app, ApplicationVersionId: id, ApplicationVersionName: 'summer' });
    const { Versions } = await call('DescribeApplicationVersion', { ApplicationId: app });
    equal(Versions.find((v) => v.ApplicationVersionId === id).ApplicationVersionName, 'summer', 'name');
  });
  await check('DeleteApplicationVersion refuses the version online', () =>
    refused(call('DeleteApplicationVersion', { ApplicationId: app, ApplicationVersionId: id }), 'OperationDenied'));
  await check('DeleteApplicationVersion', async () => {
    await call('DeleteApplicationVersion', { ApplicationId: app, ApplicationVersionId: 'ver-desktop1' });
    await becomes('ver-desktop1', 'gone');
  });
}

async function uploads(key) {
  const object = { Bucket: key.CosBucket, Region: key.CosRegion, Key: key.Path.replace(/^\//, '') };
  const cos = bucket(key);
  const content = crypto.randomBytes(3 * MiB + 17);
  const name = path.join(os.tmpdir(), `carsim-${process.pid}.zip`);
  fs.writeFileSync(name, content);
  try {
    await check('cos: headObject before the upload: not found', async () => {
      await cos.headObject(object).then(
        () => { throw new Error('found'); },
        (e) => equal(e.statusCode, 404, 'status'));
    });
    await check('cos: putObject', async () => {
      const answer = await cos.putObject({ ...object, Body: 'a small build' });
      equal(answer.ETag, `"${crypto.createHash('md5').update('a small build').digest('hex')}"`, 'ETag');
    });
    const UploadId = await check('cos: multipartInit', async () => (await cos.multipartInit(object)).UploadId);
    await check('cos: multipartUpload', () =>
      cos.multipartUpload({ ...object, UploadId, PartNumber: 1, Body: content.subarray(0, MiB), ContentLength: MiB }));
    await check('cos: a body that is not its Content-MD5 is refused', () => {
      const ContentMD5 = crypto.createHash('md5').update('what was meant').digest('base64');
      return refused(cos.multipartUpload({ ...object, UploadId, PartNumber: 2, Body: Buffer.alloc(MiB), ContentLength: MiB, ContentMD5 }), 'BadDigest');
    });
    await check('cos: multipartListPart', async () => {
      const { Part } = await cos.multipartListPart({ ...object, UploadId });
      equal(Part.map((p) => [p.PartNumber, p.Size]), [['1', String(MiB)]], 'parts');
    });
    await check('cos: multipartList', async () => {
      const { Upload } = await cos.multipartList({ ...object, Prefix: object.Key });
      equal(Upload.map((u) => [u.Key, u.UploadId]), [[object.Key, UploadId]], 'uploads');
    });
    await check('cos: multipartAbort', async () => {
      await cos.multipartAbort({ ...object, UploadId });
      equal((await cos.multipartList({ ...object, Prefix: object.Key })).Upload, [], 'uploads');
      await refused(cos.multipartListPart({ ...object, UploadId }), 'NoSuchUpload');
    });
    await check('cos: sliceUploadFile', async () => {
      await cos.sliceUploadFile({ ...object, FilePath: name, ChunkSize: MiB });
      const { headers } = await cos.headObject(object);
      equal(headers['content-length'], String(content.length), 'length');
    });
    await check('cos: another object is refused', () =>
      refused(cos.putObject({ ...object, Key: 'somebody/elses.zip', Body: 'x' }), 'AccessDenied'));
    await check('cos: a wrong key is refused', () =>
      refused(bucket(key, { SecretKey: 'wrong' }).putObject({ ...object, Body: 'x' }), 'SignatureDoesNotMatch'));
    await check('cos: an unknown key is refused', () =>
      refused(bucket(key, { SecretId: 'AKIDnobody' }).putObject({ ...object, Body: 'x' }), 'InvalidAccessKeyId'));
    await check('cos: a wrong token is refused', () =>
      refused(bucket(key, { SecurityToken: 'wrong' }).putObject({ ...object, Body: 'x' }), 'AccessDenied'));
    await check('cos: an old signature is refused', () => {
      // The SDK would correct its clock by the answer, and try again.
      const old = bucket(key, { SystemClockOffset: -48 * 3600 * 1000, CorrectClockSkew: false });
      return refused(old.putObject({ ...object, Body: 'x' }), 'AccessDenied');
    });
    await check('cos: an expired token is refused', async () => {
      await world({ KeyLifetime: '-1s' });
      const expired = await call('DescribeCosCredential', { ApplicationId: app });
      await world({ KeyLifetime: '6h' });
      await refused(bucket(expired).putObject({ ...object, Body: 'x' }), 'ExpiredToken');
    });
  } finally {
    fs.rmSync(name);
  }
}

// An application from nothing: founded, filled, configured and looked at.
async function founds() {
  const Filters = (id) => [{ Name: 'ApplicationId', Values: [id] }];
  const look = async (id, list = 'UserApplicationList') =>
    (await call('DescribeApplicationList', { Offset: 0, Limit: 10, Filters: Filters(id) }))[list][0];
  // fields checks that an answer has a value in each field that the SDK's model has.
  const fields = (got, model) => {
    const missing = Object.keys(new Models[model]()).filter((name) => got[name] === null || got[name] === undefined);
    equal(missing, [], `fields of ${model} without a value`);
  };

  const id = await check('CreateApplication', async () => {
    const answer = await call('CreateApplication', { ApplicationName: 'Tide-潮', ApplicationType: 'Application3D' });
    if (!/^app-/.test(answer.ApplicationId)) throw new Error(`the id is ${answer.ApplicationId}`);
    fields(answer, 'CreateApplicationResponse');
    return answer.ApplicationId;
  });
  await check('DescribeApplicationList shows the new application', async () => {
    const is = await look(id);
    fields(is, 'UserApplicationInfo');
    equal([is.ApplicationName, is.ApplicationExePath, is.ApplicationRunStatus, is.ApplicationNature, is.ApplicationVersions],
      ['Tide-潮', '', 'ApplicationNoPackage', 'PRIVATE', []], 'application');
  });
  await check('ModifyApplicationBaseInfo', async () => {
    const base = { WindowUseType: 'ApplicationWindow', WindowName: 'Tide', WindowClassName: 'Unity', WindowCaptureMode: 'DDA_CUT' };
    const store = { CosBucket: 'bucket-123456', CosRegion: 'ap-guangzhou', StoreType: 'LOG', StoreState: 'ON', StorePath: 'C:\\logs' };
    const stores = [{ ...store, StoreType: 'ARCHIVE', StoreState: 'OFF' }, store];
    const answer = await call('ModifyApplicationBaseInfo', {
      ApplicationId: id, ApplicationName: 'Ebb', ApplicationExePath: 'App/bin/test.exe', ApplicationInterList: 'test.exe|xxx.exe',
      ApplicationParams: '-b -param', ApplicationBaseInfo: base, ApplicationStores: stores,
    });
    fields(answer, 'ModifyApplicationBaseInfoResponse');
    const is = await look(id);
    fields(is, 'UserApplicationInfo');
    fields(is.ApplicationBaseInfo, 'ApplicationBaseInfo');
    equal([is.ApplicationName, is.ApplicationExePath, is.ApplicationInterList, is.ApplicationParams],
      ['Ebb', 'App/bin/test.exe', 'test.exe|xxx.exe', '-b -param'], 'application');
    equal({ ...is.ApplicationBaseInfo }, base, 'base info');
    equal(is.ApplicationStores.map((s) => ({ ...s })), stores, 'stores');
  });
  await check('a mobile application has no base info', async () => {
    const { ApplicationId } = await call('CreateApplication', { ApplicationName: 'Tide-APK', ApplicationType: 'ApplicationAPK' });
    fields(await look(ApplicationId, 'UserMobileApplicationList'), 'UserMobileApplicationInfo');
    await refused(call('ModifyApplicationBaseInfo', {
      ApplicationId, ApplicationExePath: 'a.exe', ApplicationInterList: 'a.exe', ApplicationBaseInfo: { WindowUseType: 'ApplicationDesktop' },
    }), 'InvalidParameterValue');
  });
  await check('ModifyApplicationBaseInfo without a window use is refused', () =>
    refused(call('ModifyApplicationBaseInfo', { ApplicationId: id, ApplicationExePath: 'a.exe', ApplicationInterList: 'a.exe', ApplicationBaseInfo: {} }), 'MissingParameter'));
  await check('a name that is too long is refused', () =>
    refused(call('CreateApplication', { ApplicationName: 'a-name-of-17-char', ApplicationType: 'ApplicationXR' }), 'InvalidParameterValue'));
  await check('an application too many is refused', async () => {
    await world({ ApplicationLimit: 1 });
    await refused(call('CreateApplication', { ApplicationName: 'Tide', ApplicationType: 'ApplicationXR' }), 'OperationDenied.ApplicationLimitExceeded');
    await world({ ApplicationLimit: 0 });
  });
  await check('DescribeApplicationProjects', async () => {
    const { Projects, Total } = await call('DescribeApplicationProjects', {});
    equal([Total, Projects.map((p) => p.ApplicationStatus)], [2, ['Online', 'NoConcurrent']], 'total and statuses');
    Projects.forEach((p) => fields(p, 'ApplicationProject'));
    const page = await call('DescribeApplicationProjects', { Offset: 0, Limit: 1, Filters: Filters(app), ProjectCategory: 'DESKTOP' });
    equal([page.Total, page.Projects[0].ApplicationName, page.Projects[0].Amount], [1, 'Ocean', 10], 'project');
    equal((await call('DescribeApplicationProjects', { ProjectCategory: 'MOBILE' })).Projects.map((p) => p.Type), ['MM1_HD'], 'types');
  });
  await check('an INCREMENT is laid over what is online', async () => {
    await world({ Increment: 'overlay', ProcessingTime: '0s' });
    // Two packages of one file each: a full one that goes online, and one that comes after.
    for (const [mode, name] of [['FULL', 'A.exe'], ['INCREMENT', 'B.exe']]) {
      const { Version } = await call('CreateApplicationVersion', { ApplicationId: id, ApplicationFileName: 'tide.zip', ApplicationVersionUpdateMode: mode });
      const key = await call('DescribeCosCredential', { ApplicationId: id, ApplicationFileName: 'tide.zip' });
      await bucket(key).putObject({ Bucket: key.CosBucket, Region: key.CosRegion, Key: key.Path.replace(/^\//, ''), Body: emptyZip(name) });
      await call('CreateApplicationSnapshot', { ApplicationId: id, ApplicationDownloadUrl: '' });
      if (mode === 'FULL') {
        await call('SetApplicationVersionOnline', { ApplicationId: id, ApplicationVersionId: Version.ApplicationVersionId });
        continue;
      }
      const { PathList } = await call('DescribeApplicationPathList', { ApplicationId: id, ApplicationVersionId: Version.ApplicationVersionId });
      equal(PathList, ['B.exe', 'A.exe'], 'paths');
    }
    await world({ Increment: 'whole' });
  });
}

// emptyZip makes a zip archive with one empty file, as PKWARE's APPNOTE has it.
function emptyZip(name) {
  const common = Buffer.alloc(26); // from "version needed" to the length of the extra field: stored, of no bytes
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name)]);
  const central = Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, Buffer.alloc(14), Buffer.from(name)]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

async function refuses() {
  const list = ['DescribeApplicationVersion', { ApplicationId: app }];
  await check('a wrong key is refused', () => refused(call(...list, client(secretId, 'wrong')), 'AuthFailure.SignatureFailure'));
  await check('an unknown key is refused', () => refused(call(...list, client('AKIDnobody')), 'AuthFailure.SecretIdNotFound'));
  await check('a key of the other site is refused', () =>
    refused(call(...list, client('AKIDcarsimOtherSite')), 'AuthFailure.SecretIdNotFound'));
  await check('a temporary key works with its token', () =>
    call(...list, client('AKIDcarsimTemporary', secretKey, 'carsim-is-no-session-token')));
  await check('a wrong token is refused', () =>
    refused(call(...list, client('AKIDcarsimTemporary', secretKey, 'wrong')), 'AuthFailure.TokenFailure'));
  await check('an expired token is refused', () =>
    refused(call(...list, client('AKIDcarsimExpired', secretKey, 'carsim-is-no-session-token')), 'AuthFailure.TokenFailure'));
  await check('a key without the permission is refused', () =>
    refused(call('DeleteApplicationVersion', { ApplicationId: app, ApplicationVersionId: 'ver-x' }, client('AKIDcarsimReadOnly')), 'UnauthorizedOperation'));
  for (const minutes of [-6, 6]) {
    await check(`a timestamp ${minutes} minutes off is refused`, async () => {
      const { getTime } = Date.prototype;
      Date.prototype.getTime = function () { return getTime.call(this) + minutes * 60 * 1000; };
      try {
        await refused(call(...list), 'AuthFailure.SignatureExpire');
      } finally {
        Date.prototype.getTime = getTime;
      }
    });
  }
  await check('a changed body is refused', async () => {
    const payload = { ApplicationId: app };
    const timestamp = Math.floor(Date.now() / 1000);
    const headers = {
      Host: host,
      'Content-Type': 'application/json',
      'X-TC-Action': 'DescribeApplicationVersion',
      'X-TC-Version': '2022-01-10',
      'X-TC-Timestamp': timestamp,
    };
    headers.Authorization = Sign.sign3({
      method: 'POST', url: `http://${host}/`, payload, timestamp, service: 'car', secretId, secretKey, multipart: false, headers,
    });
    const sent = await post(host, headers, JSON.stringify(payload));
    if (JSON.parse(sent.text).Response.Error) throw new Error(`the unchanged body was refused: ${sent.text}`);
    const changed = await post(host, headers, JSON.stringify({ ApplicationId: 'app-full' }));
    equal([changed.status, JSON.parse(changed.text).Response.Error.Code], [200, 'AuthFailure.SignatureFailure'], 'answer');
    if (!changed.headers.date) throw new Error('the answer has no Date');
  });
  await check('an application that does not exist is refused', () =>
    refused(call('DescribeApplicationVersion', { ApplicationId: 'app-nope' }), 'FailedOperation.ApplicationNotFind'));
  await check('a missing parameter is refused', () => refused(call('DescribeApplicationVersion', {}), 'MissingParameter'));
}

// An OIDC token, as a job on GitHub asks for it.
async function idToken(audience) {
  const response = await fetch(`${need('ACTIONS_ID_TOKEN_REQUEST_URL')}&audience=${encodeURIComponent(audience)}`, {
    headers: { Authorization: `bearer ${need('ACTIONS_ID_TOKEN_REQUEST_TOKEN')}` },
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return (await response.json()).value;
}

// The keys of a role for a token: the SDK asks STS by itself, without a
// signature, and renews what it has got.
function role(WebIdentityToken, changes = {}) {
  const profile = { language: 'en-US', httpProfile: { endpoint: new URL(need('CAR_STS_ENDPOINT')).host, protocol: 'http://' } };
  const credential = new OIDCRoleArnCredential(
    { region: 'ap-guangzhou', credential: { secretId: '', secretKey: '' }, profile },
    {
      RoleArn: 'qcs::cam::uin/100000000001:roleName/publisher',
      RoleSessionName: 'octo.ocean@42@1',
      ProviderId: 'github',
      DurationSeconds: 7200,
      WebIdentityToken,
      ...changes,
    },
  );
  return {
    credential,
    car: new CommonClient('car.tencentcloudapi.com', '2022-01-10', { credential, region: 'ap-guangzhou', profile }),
  };
}

async function assumes() {
  const token = await check('an ID token', () => idToken('sts.tencentcloudapi.com'));
  await check('the issuer publishes its key', async () => {
    const { origin } = new URL(need('ACTIONS_ID_TOKEN_REQUEST_URL'));
    const { keys } = await (await fetch(`${origin}/_github/.well-known/jwks`)).json();
    const [header, claims, signature] = token.split('.');
    const key = keys.find((k) => k.kid === JSON.parse(Buffer.from(header, 'base64url')).kid);
    const good = crypto.verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), crypto.createPublicKey({ key, format: 'jwk' }), Buffer.from(signature, 'base64url'));
    equal(good, true, 'signature');
  });
  await check('AssumeRoleWithWebIdentity', async () => {
    const keys = await role(token).credential.getCredential();
    if (!keys.secretId || !keys.secretKey || !keys.token) throw new Error('no keys');
  });
  await check('CAR takes the keys of the role', async () => {
    const { Versions } = await role(token).car.request('DescribeApplicationVersion', { ApplicationId: 'app-full' });
    equal(Versions.length, 5, 'number of versions');
  });
  // This class throws away the code of the error and keeps the message.
  const says = async (promise, words) => {
    const message = await promise.then(() => 'no error', (e) => e.message);
    if (!message.includes(words)) throw new Error(`got "${message}", want "${words}"`);
  };
  await check('a token for another audience is refused', async () =>
    says(role(await idToken('sts.example.com')).credential.getCredential(), 'audience'));
  await check('a token that was changed is refused', () =>
    says(role(token.slice(0, -4) + 'AAAA').credential.getCredential(), 'signature'));
  await check('an unknown role is refused', () =>
    says(role(token, { RoleArn: 'qcs::cam::uin/1:roleName/nobody' }).credential.getCredential(), 'role'));
  await check('an unknown provider is refused', () =>
    says(role(token, { ProviderId: 'gitlab' }).credential.getCredential(), 'provider'));
  await check('a session that is too long is refused', () =>
    says(role(token, { DurationSeconds: 43200 }).credential.getCredential(), 'maximum session duration'));
  await check('a subject that the role does not trust is refused', async () => {
    await world({ Issuer: { Subject: 'repo:octo/ocean:pull_request' } });
    const other = await idToken('sts.tencentcloudapi.com');
    await world({ Issuer: { Subject: 'repo:octo/ocean:ref:refs/heads/main' } });
    await says(role(other).credential.getCredential(), 'not authorized');
  });
}

ships().then(founds).then(refuses).then(assumes).then(() => {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
});
