# rocdash as a Packer template: the same scripts and playbook as recipe.toml, baked by
# Packer over SSH, as a version of a compute gallery.
#
#   make -C app dist, then from this folder: packer build rocdash.pkr.hcl
#
# with a PKR_VAR_... for each variable below without a default. A release fills in all
# of them, with [image] builder = "packer". Packer 1.10 and newer bring no builders of
# their own; install them once:
#
#   packer plugins install github.com/hashicorp/azure
#   packer plugins install github.com/hashicorp/ansible

# --- who signs in; tenant and subscription are ids ---------------------------------

variable "client_id" {
  type    = string
  default = env("ARM_CLIENT_ID")
}

variable "client_secret" {
  type      = string
  default   = env("ARM_CLIENT_SECRET")
  sensitive = true
}

variable "tenant_id" {
  type    = string
  default = env("ARM_TENANT_ID")
}

variable "subscription_id" {
  type    = string
  default = env("ARM_SUBSCRIPTION_ID")
}

# --- what is made, and where -------------------------------------------------------

variable "release_build" {
  type        = string
  description = "Build id, Major.Minor.Patch: version of the image, and what instances answer with."
}

variable "release_commit" {
  type    = string
  default = ""
}

variable "release_digest" {
  type    = string
  default = ""
}

variable "release_cloud" {
  type        = string
  default     = "Public"
  description = "Public, USGovernment or China."
}

variable "release_location" {
  type    = string
  default = "westeurope"
}

variable "release_image_group" {
  type        = string
  description = "Resource group of the gallery."
}

variable "release_gallery" {
  type = string
}

variable "release_definition" {
  type = string
}

variable "release_image_name" {
  type        = string
  default     = "rocdash"
  description = "Managed image that the gallery version is made of."
}

variable "release_group" {
  type        = string
  default     = ""
  description = "Name of the temporary group; empty: Packer thinks of one."
}

variable "release_tags" {
  type    = map(string)
  default = {}
}

variable "release_builder_size" {
  type    = string
  default = "Standard_B2s"
}

variable "release_base_version" {
  type    = string
  default = "latest"
}

variable "release_ssh_port" {
  type    = number
  default = 22
}

source "azure-arm" "rocdash" {
  client_id       = var.client_id
  client_secret   = var.client_secret
  tenant_id       = var.tenant_id
  subscription_id = var.subscription_id

  cloud_environment_name = var.release_cloud

  location                 = var.release_location
  temp_resource_group_name = var.release_group
  azure_tags               = var.release_tags

  # The release sees to it that the group goes; nobody need wait for it.
  async_resourcegroup_delete = true

  os_type         = "Linux"
  vm_size         = var.release_builder_size
  image_publisher = "Debian"
  image_offer     = "debian-12"
  image_sku       = "12-gen2"
  image_version   = var.release_base_version

  ssh_username = "packer"
  ssh_port     = var.release_ssh_port
  ssh_timeout  = "5m"

  managed_image_resource_group_name = var.release_image_group
  managed_image_name                = var.release_image_name

  shared_image_gallery_destination {
    resource_group      = var.release_image_group
    gallery_name        = var.release_gallery
    image_name          = var.release_definition
    image_version       = var.release_build
    replication_regions = [var.release_location]
  }
}

build {
  sources = ["source.azure-arm.rocdash"]

  provisioner "shell" {
    inline = ["mkdir -p /tmp/rocdash"]
  }

  provisioner "file" {
    source      = "${path.root}/../dist/"
    destination = "/tmp/rocdash"
  }

  provisioner "file" {
    source      = "${path.root}/rocdash.service"
    destination = "/tmp/rocdash/rocdash.service"
  }

  # Who this image is, for the service's unit to read.
  provisioner "shell" {
    execute_command = "chmod +x '{{ .Path }}'; {{ .Vars }} sudo -E sh -eu '{{ .Path }}'"
    environment_vars = [
      "RELEASE_BUILD=${var.release_build}",
      "RELEASE_COMMIT=${var.release_commit}",
      "RELEASE_DIGEST=${var.release_digest}",
    ]
    inline = [
      "printf 'RELEASE_BUILD=%s\\nRELEASE_COMMIT=%s\\nRELEASE_DIGEST=%s\\n' \"$RELEASE_BUILD\" \"$RELEASE_COMMIT\" \"$RELEASE_DIGEST\" >/etc/release.env",
      "chmod 0644 /etc/release.env",
    ]
  }

  provisioner "shell" {
    execute_command = "chmod +x '{{ .Path }}'; {{ .Vars }} sudo -E sh -eu '{{ .Path }}'"
    scripts         = ["${path.root}/install.sh", "${path.root}/ansible.sh"]
  }

  # On the machine itself: whoever runs Packer needs no Ansible.
  provisioner "ansible-local" {
    command       = "sudo ANSIBLE_NOCOLOR=1 ANSIBLE_RETRY_FILES_ENABLED=0 /usr/local/bin/ansible-playbook"
    playbook_file = "${path.root}/playbook.yml"
  }

  # As in recipe.toml, the check looks at the finished machine.
  provisioner "shell" {
    execute_command = "chmod +x '{{ .Path }}'; {{ .Vars }} sudo -E sh -eu '{{ .Path }}'"
    scripts         = ["${path.root}/tidy.sh", "${path.root}/check.sh"]
  }

  provisioner "shell" {
    execute_command = "chmod +x '{{ .Path }}'; {{ .Vars }} sudo -E sh '{{ .Path }}'"
    inline          = ["waagent -force -deprovision+user && export HISTSIZE=0 && sync"]
  }
}
