using Microsoft.Extensions.Configuration;
using Orleans.Providers;
using OrleansTempo.Silo.Providers;

[assembly: RegisterProvider("ObjectStore", "GrainStorage", "Silo", typeof(ObjectStoreGrainStorageProviderBuilder))]

namespace OrleansTempo.Silo.Providers;

/// <summary>Orleans' configuration calls this for <c>Orleans:GrainStorage:&lt;name>:ProviderType=ObjectStore</c>; the provider has no settings.</summary>
internal sealed class ObjectStoreGrainStorageProviderBuilder : IProviderBuilder<ISiloBuilder>
{
    public void Configure(ISiloBuilder builder, string? name, IConfigurationSection configurationSection) =>
        builder.AddObjectStoreGrainStorage(name ?? throw new ArgumentNullException(nameof(name)));
}
