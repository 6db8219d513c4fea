// An SCU of dcmjs-dimse: node dcmjs_scu.js FIND|MOVE|GET HOST PORT CALLED JSON
// JSON: {"level": "STUDY", "keys": {keyword: value}, "destination": "AET", "cancelAfter": 3, "patient": false}
// Each response is a JSON line on stdout: {"status", "data", "remaining", "completed", "failed", "warning"},
// and each instance that a C-GET brings: {"stored": SOP Instance UID, "syntax": Transfer Syntax UID}.
const dimse = require("dcmjs-dimse");
const { CFindRequest, CGetRequest, CMoveRequest } = dimse.requests;
const { CStoreResponse } = dimse.responses;
const { SopClass, Status } = dimse.constants;
dimse.log.setLevel("silent");

const [operation, host, port, called, given] = process.argv.slice(2);
const asked = JSON.parse(given);
const request = { FIND: () => new CFindRequest(), GET: () => new CGetRequest(), MOVE: () => new CMoveRequest() }[operation]();
const say = (record) => process.stdout.write(JSON.stringify(record) + "\n");

const name = { FIND: "Find", GET: "Get", MOVE: "Move" }[operation];
const root = asked.patient ? "PatientRoot" : "StudyRoot";
request.setAffectedSopClassUid(SopClass[`${root}QueryRetrieveInformationModel${name}`]);
request.setDataset(new dimse.Dataset({ QueryRetrieveLevel: asked.level, ...asked.keys }));
if (operation === "MOVE") {
  request.getCommandDataset().setElement("MoveDestination", asked.destination);
}

const client = new dimse.Client();
let pending = 0;
request.on("response", (response) => {
  const counted = operation !== "FIND";
  say({
    status: response.getStatus(),
    data: response.hasDataset() ? response.getDataset().getElements() : null,
    ...(counted && {
      remaining: response.getRemaining(),
      completed: response.getCompleted(),
      failed: response.getFailures(),
      warning: response.getWarnings(),
    }),
  });
  pending += response.getStatus() === Status.Pending ? 1 : 0;
  if (pending === asked.cancelAfter) {
    client.cancel(request);
  }
});
client.on("cStoreRequest", (store, callback) => {
  say({ stored: store.getAffectedSopInstanceUid(), syntax: store.getDataset().getTransferSyntaxUid() });
  const response = CStoreResponse.fromRequest(store);
  response.setStatus(Status.Success);
  callback(response);
});
for (const event of ["networkError", "associationRejected"]) {
  client.on(event, (error) => {
    console.error(event, error);
    process.exitCode = 1;
  });
}
client.addRequest(request);
client.send(host, Number(port), "DCMJS", called, { associationLingerTimeout: 0 });
