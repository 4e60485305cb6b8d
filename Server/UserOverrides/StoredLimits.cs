namespace OrleansTempo.Server.UserOverrides;

/// <summary>A tenant's limits as they are in the object store.</summary>
/// <param name="Limits">Null where they cannot be read.</param>
/// <param name="Problem">Why not.</param>
/// <param name="Version">What a change must name; opaque.</param>
internal readonly record struct StoredLimits(TenantLimits? Limits, string Problem, string Version);
