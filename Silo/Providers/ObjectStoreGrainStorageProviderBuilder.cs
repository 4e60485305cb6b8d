using Microsoft.Extensions.Configuration;
using Orleans.Providers;
using OrleansTempo.Silo.Providers;

[assembly: RegisterProvider("ObjectStore", "GrainStorage", "Silo", typeof(ObjectStoreGrainStorageProviderBuilder))]

namespace OrleansTempo.Silo.Providers;

/// <summary>What Orleans' configuration calls for <c>Orleans:GrainStorage:&lt;name>:ProviderType=ObjectStore</c>; it has no settings of its own.</summary>
internal sealed class ObjectStoreGrainStorageProviderBuilder : IProviderBuilder<ISiloBuilder>
{
    public void Configure(ISiloBuilder builder, string? name, IConfigurationSection configurationSection) =>
        builder.AddObjectStoreGrainStorage(name ?? throw new ArgumentNullException(nameof(name)));
}
