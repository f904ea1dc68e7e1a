/** What the user has set, as typed values. */
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { type ISignal, Signal } from '@lumino/signaling';
import { PLUGIN } from './tokens';

export type Side = 'left' | 'right';

export class Settings {
  panelSide: Side = 'right';
  notifications = true;
  autoScroll = true;
  private readonly _changed = new Signal<this, void>(this);

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Follow what is set in JupyterLab's settings. */
  async follow(registry: ISettingRegistry): Promise<void> {
    const settings = await registry.load(PLUGIN);
    settings.changed.connect(this._take, this);
    this._take(settings);
  }

  private _take(settings: ISettingRegistry.ISettings): void {
    this.panelSide = settings.composite.panelSide === 'left' ? 'left' : 'right';
    this.notifications = settings.composite.notifications !== false;
    this.autoScroll = settings.composite.autoScroll !== false;
    this._changed.emit();
  }
}
