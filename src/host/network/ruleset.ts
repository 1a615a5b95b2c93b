import { Locks } from '../storage/locks.ts';
import { type Family, type Transaction, tableName } from './nft-table.ts';
import { ListedTable } from './rules-listing.ts';
import { ToolFailure, type Tools } from './tools.ts';

/** Our two nft tables. Changes are made one after the other, each as one transaction. */
export class Ruleset {
  readonly #tools: Tools;
  readonly #locks = new Locks();

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  async list(family: Family): Promise<ListedTable> {
    try {
      const output = await this.#tools.run('nft', ['-j', 'list', 'table', family, tableName]);
      return new ListedTable(family, output);
    } catch (error) {
      if (error instanceof ToolFailure && error.message.includes('No such file or directory'))
        return new ListedTable(family, undefined);
      throw error;
    }
  }

  /** Applies a change and returns the table as it stands right after it. */
  apply(family: Family, transaction: Transaction): Promise<ListedTable> {
    return this.#locks.exclusive(family, async () => {
      await this.#commit(transaction);
      return this.list(family);
    });
  }

  /** Applies a removal; the table goes with its last owner. */
  remove(family: Family, transaction: Transaction): Promise<void> {
    return this.#locks.exclusive(family, async () => {
      await this.#commit(transaction);
      if ((await this.list(family)).owned) return;
      await this.#commit({ nftables: [{ delete: { table: { family, name: tableName } } }] });
    });
  }

  /** As an argument: nft opens `/dev/stdin` by name, which fails for the socket that Node gives a child. */
  #commit(transaction: Transaction): Promise<string> {
    return this.#tools.run('nft', ['-j', JSON.stringify(transaction)]);
  }
}
