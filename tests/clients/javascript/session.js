// One session of the unmodified Azure SDK for JavaScript; prints what it saw as JSON.
import { readFileSync } from "node:fs";
import { ComputeManagementClient } from "@azure/arm-compute";
import { ResourceManagementClient } from "@azure/arm-resources";
import { DeploymentsClient } from "@azure/arm-resourcesdeployments";
import { ClientSecretCredential } from "@azure/identity";

const { ARM, TENANT, SUBSCRIPTION, CLIENT_ID, CLIENT_SECRET, TEMPLATE } = process.env;
const group = "javascript";
const fleet = "jsfleet";

const credential = new ClientSecretCredential(TENANT, CLIENT_ID, CLIENT_SECRET, {
  authorityHost: ARM,
  disableInstanceDiscovery: true,
});
const cloud = {
  endpoint: ARM,
  credentialScopes: ["https://management.azure.com/.default"],
  credentials: { scopes: ["https://management.azure.com/.default"] },
};
const resources = new ResourceManagementClient(credential, SUBSCRIPTION, cloud);
const deployments = new DeploymentsClient(credential, SUBSCRIPTION, cloud);
const compute = new ComputeManagementClient(credential, SUBSCRIPTION, cloud);
const often = { updateIntervalInMs: 50 };

async function all(pages) {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
}

async function failing(act) {
  try {
    await act();
  } catch (error) {
    return { status: error.statusCode, code: error.code, message: error.message };
  }
  return null;
}

const saw = {};
await resources.resourceGroups.createOrUpdate(group, { location: "westus2" });
saw.exists = await resources.resourceGroups.checkExistence(group);
const deployed = await deployments.deployments.createOrUpdate(
  group,
  "session",
  {
    properties: {
      mode: "Incremental",
      template: JSON.parse(readFileSync(TEMPLATE, "utf8")),
      parameters: {
        fleet: { value: fleet },
        count: { value: 3 },
        user: { value: "operator" },
        secret: { value: "Correct-Horse-9" },
      },
    },
  },
  often,
);
saw.deployed = deployed.properties.provisioningState;
const sets = compute.virtualMachineScaleSets;
saw.fleets = (await all(sets.list(group))).map((one) => one.name);
const shown = await sets.get(group, fleet);
saw.policy = shown.upgradePolicy.mode;
saw.capacity = shown.sku.capacity;
const instances = await all(
  compute.virtualMachineScaleSetVMs.list(group, fleet, { expand: "instanceView" }),
);
saw.instances = instances.length;
saw.codes = [
  ...new Set(instances.flatMap((one) => one.instanceView.statuses.map((s) => s.code))),
].sort();
await sets.update(group, fleet, { tags: { by: "javascript" } }, often);
saw.tags = (await sets.get(group, fleet)).tags;
await sets.updateInstances(group, fleet, { instanceIds: ["*"] }, often);
await sets.update(group, fleet, { sku: { name: shown.sku.name, capacity: 2 } }, often);
saw.left = (await all(compute.virtualMachineScaleSetVMs.list(group, fleet))).length;
const rolling = compute.virtualMachineScaleSetRollingUpgrades;
await rolling.startOSUpgrade(group, fleet, often);
saw.rolled = (await rolling.getLatest(group, fleet)).runningStatus.code;
saw.absent = await failing(() => sets.get(group, "nobody"));
saw.refused = await failing(() =>
  sets.createOrUpdate(group, "wrong", { location: "westus2", sku: { name: "Huge" } }),
);
await sets.delete(group, fleet, often);
saw.gone = (await all(sets.list(group))).length;
await resources.resourceGroups.beginDeleteAndWait(group, often);
saw.existsStill = await resources.resourceGroups.checkExistence(group);
console.log(JSON.stringify(saw));
