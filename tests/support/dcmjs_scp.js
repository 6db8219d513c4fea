// A small archive of dcmjs-dimse: node dcmjs_scp.js PORT FOLDER [DESTINATION=PORT ...]
// C-ECHO, C-STORE into memory, C-FIND and C-MOVE over the files of FOLDER; keys match if they are equal, or empty.
const fs = require("fs");
const net = require("net");
const path = require("path");
const dimse = require("dcmjs-dimse");
const { CEchoResponse, CFindResponse, CMoveResponse, CStoreResponse } = dimse.responses;
const { PresentationContextResult, Status, TransferSyntax } = dimse.constants;
dimse.log.setLevel("silent");

// The library listens on every interface, a peer of tests on loopback alone.
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...more) {
  return typeof port === "number" ? listen.call(this, port, "127.0.0.1", ...more) : listen.call(this, port, ...more);
};

const [port, folder, ...known] = process.argv.slice(2);
const destinations = Object.fromEntries(known.map((each) => each.split("=")));
const unique = { PATIENT: "PatientID", STUDY: "StudyInstanceUID", SERIES: "SeriesInstanceUID", IMAGE: "SOPInstanceUID" };
const instances = fs
  .readdirSync(folder)
  .sort()
  .map((name) => dimse.Dataset.fromFile(path.join(folder, name)));

const text = (value) =>
  value === undefined || value === null ? "" : typeof value === "object" ? text(Object.values(value)[0]) : String(value);

function matches(keys) {
  const { QueryRetrieveLevel, SpecificCharacterSet, _vrMap, ...rest } = keys;
  const equal = (each, [name, want]) => text(want) === "" || [].concat(want).map(text).includes(text(each[name]));
  return instances.filter((each) => Object.entries(rest).every((key) => equal(each.getElements(), key)));
}

class Archive extends dimse.Scp {
  associationRequested(association) {
    for (const { id } of association.getPresentationContexts()) {
      const context = association.getPresentationContext(id);
      const offered = context.getTransferSyntaxUids();
      const taken = [TransferSyntax.ExplicitVRLittleEndian, TransferSyntax.ImplicitVRLittleEndian, offered[0]];
      context.setResult(PresentationContextResult.Accept, taken.find((each) => offered.includes(each)));
    }
    this.sendAssociationAccept();
  }

  associationReleaseRequested() {
    this.sendAssociationReleaseResponse();
  }

  cEchoRequest(request, callback) {
    callback(answer(CEchoResponse.fromRequest(request), Status.Success));
  }

  cStoreRequest(request, callback) {
    instances.push(request.getDataset());
    callback(answer(CStoreResponse.fromRequest(request), Status.Success));
  }

  cFindRequest(request, callback) {
    const keys = request.getDataset().getElements();
    const found = new Map(matches(keys).map((each) => [text(each.getElement(unique[keys.QueryRetrieveLevel])), each]));
    const responses = [...found.values()].map((each) => {
      const response = answer(CFindResponse.fromRequest(request), Status.Pending);
      const asked = Object.keys(keys).filter((name) => name !== "_vrMap");
      const elements = Object.fromEntries(asked.map((name) => [name, each.getElement(name) ?? ""]));
      response.setDataset(new dimse.Dataset({ ...elements, QueryRetrieveLevel: keys.QueryRetrieveLevel }));
      return response;
    });
    callback([...responses, answer(CFindResponse.fromRequest(request), Status.Success)]);
  }

  cMoveRequest(request, callback) {
    const aet = request.getCommandDataset().getElement("MoveDestination").trim();
    const respond = (status, remaining, completed, failed) => {
      const response = answer(CMoveResponse.fromRequest(request), status);
      response.setRemaining(remaining);
      response.setCompleted(completed);
      response.setFailures(failed);
      response.setWarnings(0);
      return response;
    };
    if (!(aet in destinations)) {
      callback([respond(0xa801, 0, 0, 0)]);
      return;
    }
    const found = matches(request.getDataset().getElements());
    const client = new dimse.Client();
    const statuses = [];
    const end = () => {
      const stored = statuses.filter((status) => status === Status.Success).length;
      const steps = statuses.map((_, at) => respond(Status.Pending, found.length - at - 1, Math.min(at + 1, stored), 0));
      callback([...steps, respond(stored === found.length ? Status.Success : 0xb000, 0, stored, found.length - stored)]);
    };
    for (const each of found) {
      const store = new dimse.requests.CStoreRequest(each);
      store.on("response", (response) => statuses.push(response.getStatus()));
      client.addRequest(store);
    }
    if (found.length === 0) {
      end();
      return;
    }
    client.on("networkError", () => {});
    client.on("closed", end);
    client.send("127.0.0.1", Number(destinations[aet]), "DCMJS", aet, { associationLingerTimeout: 0 });
  }
}

function answer(response, status) {
  response.setStatus(status);
  return response;
}

const server = new dimse.Server(Archive);
server.on("networkError", (error) => console.error(String(error)));
server.listen(Number(port));
