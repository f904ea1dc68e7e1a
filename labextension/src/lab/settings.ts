/** The user's settings, as typed values. */
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { type ISignal, Signal } from '@lumino/signaling';

/** The id of the plugin that has the settings. JupyterLab finds their schema by it. */
export const PLUGIN = 'codeact-magic:plugin';

export type Side = 'left' | 'right';

export class Settings {
  panelSide: Side = 'right';
  notifications = true;
  autoScroll = true;
  private readonly _changed = new Signal<this, void>(this);

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Read JupyterLab's settings, now and whenever they change. */
  async follow(registry: ISettingRegistry): Promise<void> {
    const settings = await registry.load(PLUGIN);
    settings.changed.connect(this._apply, this);
    this._apply(settings);
  }

  private _apply(settings: ISettingRegistry.ISettings): void {
    this.panelSide = settings.composite.panelSide === 'left' ? 'left' : 'right';
    this.notifications = settings.composite.notifications !== false;
    this.autoScroll = settings.composite.autoScroll !== false;
    this._changed.emit();
  }
}
