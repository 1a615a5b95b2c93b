import { SimulatedNetwork } from '../../../src/host/network/index.ts';
import { networkContract } from './network-contract.ts';

networkContract('SimulatedNetwork', async () => {
  const network = new SimulatedNetwork();
  return {
    network,
    loseBridge: async (subnetUid) => network.loseBridge(subnetUid),
    killDnsmasq: async (subnetUid) => network.killDnsmasq(subnetUid),
    loseReservations: async (subnetUid) => network.loseReservations(subnetUid),
    flushRules: async () => network.flushRules(),
    stopForwarding: async () => network.stopForwarding(),
    loseTap: async (tap) => network.loseTap(tap),
    hold: async (tap) => {
      network.setCarrier(tap, 'present');
      return async () => network.setCarrier(tap, 'absent');
    },
    cleanup: () => network.close(),
  };
});
