namespace OrleansTempo.Core.RemoteWrite;

/// <summary>A <see cref="WriterClaim"/> as a listing shows it.</summary>
/// <param name="Tenant">Whose series.</param>
/// <param name="Shard">Which part of them.</param>
/// <param name="NeedsOwner">Whether somebody writes them, or has died, or has left a snapshot to go on from: there must be an owner.</param>
/// <param name="ETag">Of the claim's object: another one whenever its owner has said that it lives.</param>
public readonly record struct ListedClaim(TenantId Tenant, string Shard, bool NeedsOwner, string ETag);
